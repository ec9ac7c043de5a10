import { Readable } from 'node:stream';
import { Problem } from '../../kit/runtime/errors.ts';
import type { HttpApp } from '../../kit/http/http-server.ts';
import { BundleQuery, InstallRequest, UpdateSettings, type UpdateState } from '../../protocol/update-api.ts';
import type { CallGuard, PartRoutes } from '../ports.ts';
import type { Updater } from './updater.ts';

/** The calls of updates, for owners and for `porchlight update` on the box. Each answers the state. */
export function updateRoutes(updater: Updater): PartRoutes {
  return async (app, { guard }) => {
    const owner = { config: { admission: 'owner' } } as const;
    const lasting = { config: { ...owner.config, recentProof: true } } as const;
    app.get('/update', owner, async (): Promise<UpdateState> => updater.look());
    const settings = { ...lasting, schema: { body: UpdateSettings } } as const;
    app.put('/update/settings', settings, async (request) =>
      updater.configure(request.body, guard.note(request, 'settings-changed')),
    );
    app.post('/update/check', owner, async () => updater.check());
    const install = { ...lasting, schema: { body: InstallRequest } } as const;
    app.post('/update/install', install, async (request, reply) => {
      const note = guard.note(request, 'update-installed');
      return reply.status(202).send(await updater.install(request.body, () => guard.still(request), note));
    });
    app.post('/update/restart', lasting, async (_request, reply) =>
      reply.status(202).send(await updater.restart()),
    );
    await app.register(async (scope) => bundleRoute(scope, updater, guard));
  };
}

function bundleRoute(app: HttpApp, updater: Updater, guard: CallGuard): void {
  // The bundle goes to the disk as it comes.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  const config = { admission: 'owner', recentProof: true, longBody: true } as const;
  app.put('/update/bundle', { config, schema: { querystring: BundleQuery } }, async (request, reply) => {
    const { body, query } = request;
    if (!(body instanceof Readable))
      throw new Problem('bad-request', 'there is no bundle in this request', { status: 400 });
    const how = {
      allowDowngrade: query.allowDowngrade === true,
      note: guard.note(request, 'update-installed'),
    };
    return reply.status(202).send(await updater.receive(body, how, () => guard.still(request)));
  });
}
