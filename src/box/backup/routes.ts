import type { FastifyReply } from 'fastify';
import {
  accessLimits,
  BackupRequest,
  type BackupView,
  ResetRequest,
  RestoreRequest,
  type RestoreView,
} from '../../protocol/access-api.ts';
import type { PartRoutes } from '../ports.ts';
import type { Backups } from './backups.ts';

/** Backup, restore and reset, for owners and for `porchlight` on the box. */
export function backupRoutes(backups: Pick<Backups, 'make' | 'restore' | 'reset' | 'restart'>): PartRoutes {
  /** The box ends when the answer has left. */
  function restarted(reply: FastifyReply): FastifyReply {
    reply.raw.once('close', () => backups.restart());
    return reply.status(202);
  }

  return (app, { guard }) => {
    const config = { admission: 'owner', recentProof: true } as const;
    const owner = { config, bodyLimit: accessLimits.formBytes } as const;

    const make = { ...owner, schema: { body: BackupRequest } } as const;
    app.post('/backup', make, async (request): Promise<BackupView> => {
      const file = await backups.make(request.body.passphrase);
      guard.still(request);
      guard.record(request, 'backup-made');
      return { backup: file.toString('base64') };
    });

    const restore = {
      config,
      bodyLimit: accessLimits.backupBytes * 1.5,
      schema: { body: RestoreRequest },
    } as const;
    app.post('/restore', restore, async (request, reply) => {
      const { boxId, name, madeAt, place } = await backups.restore(
        Buffer.from(request.body.backup, 'base64'),
        request.body.passphrase,
        () => guard.still(request),
        guard.note(request, 'restored'),
      );
      const view: RestoreView = { boxId, name, madeAt, origin: `https://${boxId}.${place.zoneRoot}` };
      return restarted(reply).send(view);
    });

    app.post('/reset', { ...owner, schema: { body: ResetRequest } }, async (request, reply) => {
      const { forgetIdentity } = request.body;
      await backups.reset({ forgetIdentity }, () => guard.still(request), guard.note(request, 'reset'));
      return restarted(reply).send();
    });
  };
}
