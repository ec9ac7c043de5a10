import { Readable } from 'node:stream';
import { Problem } from '../../kit/errors.ts';
import type { HttpApp } from '../../kit/http-server.ts';
import { BundleQuery, InstallRequest, UpdateSettings, type UpdateState } from '../../protocol/update-api.ts';
import type { Updater } from './updater.ts';

/**
 * The calls of updates, for owners in the console (behind access’s guard, below `/api/update`) and for `porchlight update` over
 * the control socket. Each answers the state.
 */
export async function updateRoutes(app: HttpApp, updater: Updater, prefix: string): Promise<void> {
  const owner = { config: { admission: 'owner' } } as const;
  const lasting = { config: { ...owner.config, recentProof: true } } as const;
  app.get(prefix, owner, async (): Promise<UpdateState> => updater.look());
  const settings = {
    config: { ...lasting.config, deed: 'settings-changed' },
    schema: { body: UpdateSettings },
  } as const;
  app.put(`${prefix}/settings`, settings, async ({ body }) => updater.configure(body));
  app.post(`${prefix}/check`, owner, async () => updater.check());
  const install = {
    config: { ...lasting.config, deed: 'update-installed' },
    schema: { body: InstallRequest },
  } as const;
  app.post(`${prefix}/install`, install, async ({ body, stillAllowed }, reply) =>
    reply.status(202).send(await updater.install(body, stillAllowed)),
  );
  app.post(`${prefix}/restart`, lasting, async (_request, reply) =>
    reply.status(202).send(await updater.restart()),
  );
  await app.register(async (scope) => bundleRoute(scope, updater, prefix));
}

function bundleRoute(app: HttpApp, updater: Updater, prefix: string): void {
  // The bundle goes to the disk as it comes.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  const config = { admission: 'owner', recentProof: true, longBody: true, deed: 'update-installed' } as const;
  app.put(`${prefix}/bundle`, { config, schema: { querystring: BundleQuery } }, async (request, reply) => {
    const { body, query, stillAllowed } = request;
    if (!(body instanceof Readable))
      throw new Problem('bad-request', 'there is no bundle in this request', { status: 400 });
    return reply.status(202).send(await updater.receive(body, query.allowDowngrade === true, stillAllowed));
  });
}
