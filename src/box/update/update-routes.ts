import { Readable } from 'node:stream';
import type { Clock } from '../../kit/clock.ts';
import { Problem } from '../../kit/errors.ts';
import type { HttpApp } from '../../kit/http-server.ts';
import { BundleQuery, InstallRequest, UpdateSettings, type UpdateState } from '../../protocol/update-api.ts';
import { rootNote } from '../audit-notes.ts';
import type { ControlRoutes } from '../control/control.ts';
import type { Updater } from './updater.ts';

/**
 * The calls of updates, for owners in the console (behind access’s guard, below `/api/update`) and for `porchlight update` over
 * the control socket. Each answers the state.
 */
export async function updateRoutes(app: HttpApp, updater: Updater, prefix: string): Promise<void> {
  const owner = { config: { admission: 'owner' } } as const;
  const lasting = { config: { ...owner.config, recentProof: true } } as const;
  app.get(prefix, owner, async (): Promise<UpdateState> => updater.look());
  const settings = { ...lasting, schema: { body: UpdateSettings } } as const;
  app.put(`${prefix}/settings`, settings, async ({ body, auditNote }) =>
    updater.configure(body, auditNote?.('settings-changed')),
  );
  app.post(`${prefix}/check`, owner, async () => updater.check());
  const install = { ...lasting, schema: { body: InstallRequest } } as const;
  app.post(`${prefix}/install`, install, async ({ body, stillAllowed, auditNote }, reply) =>
    reply.status(202).send(await updater.install(body, stillAllowed, auditNote?.('update-installed'))),
  );
  app.post(`${prefix}/restart`, lasting, async (_request, reply) =>
    reply.status(202).send(await updater.restart()),
  );
  await app.register(async (scope) => bundleRoute(scope, updater, prefix));
}

/** The same over the control socket, as root's. */
export function updateControl(updater: Updater, clock: Clock): ControlRoutes {
  return (app) => {
    app.addHook('onRequest', async (request) => {
      request.auditNote = (action) => rootNote(action, clock.now());
    });
    return updateRoutes(app, updater, '/update');
  };
}

function bundleRoute(app: HttpApp, updater: Updater, prefix: string): void {
  // The bundle goes to the disk as it comes.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  const config = { admission: 'owner', recentProof: true, longBody: true } as const;
  app.put(`${prefix}/bundle`, { config, schema: { querystring: BundleQuery } }, async (request, reply) => {
    const { body, query, stillAllowed, auditNote } = request;
    if (!(body instanceof Readable))
      throw new Problem('bad-request', 'there is no bundle in this request', { status: 400 });
    const how = { allowDowngrade: query.allowDowngrade === true, note: auditNote?.('update-installed') };
    return reply.status(202).send(await updater.receive(body, how, stillAllowed));
  });
}
