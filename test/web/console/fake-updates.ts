import type { FastifyInstance } from 'fastify';
import type { UpdateSettings, UpdateState } from '../../../src/protocol/update-api.ts';

const minute = 60_000;

/** A box on which an update can be had. */
export function usualUpdate(now: number): UpdateState {
  return {
    phase: 'idle',
    version: '1.3.2',
    slot: 'A',
    target: null,
    progress: null,
    available: {
      version: '1.4.0',
      size: 148_300_000,
      notes: 'Connects faster after the internet was away.\nTwo faults of the list of people are mended.',
    },
    checkedAt: now - 180 * minute,
    restartsAt: null,
    trouble: null,
    takenBack: null,
    server: true,
    channel: 'stable',
    paused: false,
  };
}

/** The calls of updates; a bundle is good that begins with the word *signed*. */
export function serveUpdates(app: FastifyInstance, known: { update: UpdateState }): void {
  const set = (change: Partial<UpdateState>): UpdateState => (known.update = { ...known.update, ...change });
  app.get('/api/update', async () => known.update);
  app.put<{ Body: UpdateSettings }>('/api/update/settings', async ({ body }) => set(body));
  app.post('/api/update/check', async () => set({ checkedAt: Date.now() }));
  app.post<{ Body: { version: string } }>('/api/update/install', async ({ body }) =>
    set({ phase: 'downloading', target: body.version, progress: 0 }),
  );
  app.post('/api/update/restart', async () => known.update);
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.put<{ Body: Buffer }>('/api/update/bundle', async ({ body }, reply) =>
    body.toString().startsWith('signed')
      ? set({ phase: 'installing', target: '1.5.0', progress: 40 })
      : reply.status(422).send({ code: 'bundle-refused', message: 'no signature' }),
  );
}
