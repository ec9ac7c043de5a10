import { Type } from 'typebox';
import { accessLimits, BackupRequest, ResetRequest, RestoreRequest } from '../../protocol/access-api.ts';
import type { ControlRoutes } from '../control/control.ts';
import type { Backups } from './backups.ts';

/** The calls of `porchlight backup`, `restore` and `reset`: those of the console, without the password. */
export function backupControl(backups: Backups): ControlRoutes {
  const { password: _, ...restore } = RestoreRequest.properties;
  const schemas = {
    backup: Type.Pick(BackupRequest, ['passphrase']),
    restore: Type.Object(restore),
    reset: Type.Pick(ResetRequest, ['forgetIdentity']),
  };
  return (app) => {
    app.post('/backup', { schema: { body: schemas.backup } }, async (request, reply) =>
      reply.type('application/octet-stream').send(await backups.make(request.body.passphrase)),
    );
    const bodyLimit = accessLimits.backupBytes * 1.5;
    app.post('/restore', { bodyLimit, schema: { body: schemas.restore } }, async (request, reply) => {
      const { backup, passphrase } = request.body;
      const { boxId, name } = await backups.restore(Buffer.from(backup, 'base64'), passphrase);
      reply.raw.once('close', () => backups.beginAnew());
      return { boxId, name };
    });
    app.post('/reset', { schema: { body: schemas.reset } }, async (request, reply) => {
      await backups.reset(request.body);
      reply.raw.once('close', () => backups.beginAnew());
      return {};
    });
  };
}
