import { accessLimits, BackupRequest, ResetRequest, RestoreRequest } from '../../protocol/access-api.ts';
import type { ControlRoutes } from '../control/control.ts';
import type { Backups } from './backups.ts';

/** The calls of `porchlight backup`, `restore` and `reset`: those of the console. Whoever is on the machine proves nothing. */
export function backupControl(backups: Backups): ControlRoutes {
  return (app) => {
    app.post('/backup', { schema: { body: BackupRequest } }, async (request, reply) =>
      reply.type('application/octet-stream').send(await backups.make(request.body.passphrase)),
    );
    const bodyLimit = accessLimits.backupBytes * 1.5;
    app.post('/restore', { bodyLimit, schema: { body: RestoreRequest } }, async (request, reply) => {
      const { backup, passphrase } = request.body;
      const { boxId, name } = await backups.restore(Buffer.from(backup, 'base64'), passphrase);
      reply.raw.once('close', () => backups.beginAnew());
      return { boxId, name };
    });
    app.post('/reset', { schema: { body: ResetRequest } }, async (request, reply) => {
      await backups.reset(request.body);
      reply.raw.once('close', () => backups.beginAnew());
      return {};
    });
  };
}
