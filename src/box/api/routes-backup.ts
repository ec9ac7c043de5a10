import type { FastifyReply } from 'fastify';
import type { HttpApp } from '../../kit/http-server.ts';
import {
  accessLimits,
  BackupRequest,
  type BackupView,
  ResetRequest,
  RestoreRequest,
  type RestoreView,
} from '../../protocol/access-api.ts';
import type { AuditNote } from '../audit-notes.ts';
import type { Guard } from './guard.ts';
import type { Audit } from '../sessions/audit.ts';

/** What owners do to the whole box; see box/backup/backups.ts. `still` throws when who asked may no longer do it. */
export interface WholeBox {
  make(passphrase: string): Promise<Buffer>;
  restore(
    file: Buffer,
    passphrase: string,
    still: () => void,
    note?: AuditNote,
  ): Promise<{ boxId: string; name: string; madeAt: number; place: { zoneRoot: string } }>;
  reset(how: { forgetIdentity: boolean }, still: () => void, note?: AuditNote): Promise<void>;
  beginAnew(): void;
}

export interface BackupRoutesOptions {
  guard: Guard;
  audit: Audit;
  wholeBox: WholeBox;
}

/** Backup, restore and reset, for owners. */
export function backupRoutes(app: HttpApp, options: BackupRoutesOptions): void {
  const { guard, audit, wholeBox } = options;
  const config = { admission: 'owner', recentProof: true } as const;
  const owner = { config, bodyLimit: accessLimits.formBytes } as const;

  /** The box ends when the answer has left. */
  function anew(reply: FastifyReply): FastifyReply {
    reply.raw.once('close', () => wholeBox.beginAnew());
    return reply.status(202);
  }

  app.post(
    '/api/backup',
    { ...owner, schema: { body: BackupRequest } },
    async (request): Promise<BackupView> => {
      const file = await wholeBox.make(request.body.passphrase);
      guard.still(request);
      const { address } = guard.visitor(request);
      audit.record({ action: 'backup-made', who: guard.who(request).person.name, address });
      return { backup: file.toString('base64') };
    },
  );

  const large = { ...owner, bodyLimit: accessLimits.backupBytes * 1.5 };
  app.post('/api/restore', { ...large, schema: { body: RestoreRequest } }, async (request, reply) => {
    const file = Buffer.from(request.body.backup, 'base64');
    const { boxId, name, madeAt, place } = await wholeBox.restore(
      file,
      request.body.passphrase,
      () => guard.still(request),
      request.auditNote?.('restored'),
    );
    const view: RestoreView = { boxId, name, madeAt, origin: `https://${boxId}.${place.zoneRoot}` };
    return anew(reply).send(view);
  });

  app.post('/api/reset', { ...owner, schema: { body: ResetRequest } }, async (request, reply) => {
    const { forgetIdentity } = request.body;
    await wholeBox.reset({ forgetIdentity }, () => guard.still(request), request.auditNote?.('reset'));
    return anew(reply).send();
  });
}
