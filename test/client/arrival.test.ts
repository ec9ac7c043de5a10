import { expect, it } from 'vitest';
import { Agent, fetch } from 'undici';
import { hasArrived } from '../../src/client/arrival.ts';
import { call, createBox, startServer, testCaPem } from '../cloud/registration-server/setup.ts';
import { temporaryFolder } from '../support/folder.ts';

it('learns from the registration-server that the window has reached the box', async ({ onTestFinished }) => {
  const server = await startServer({ stateFolder: temporaryFolder() });
  onTestFinished(() => server.stop());
  const dispatcher = new Agent({ connect: { ca: testCaPem, servername: 'localhost' } });
  onTestFinished(() => dispatcher.destroy());
  const asked = {
    registration: `https://127.0.0.1:${server.port}`,
    state: 'a-one-time-state-of-the-app',
    runtime: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1]),
    },
  };
  expect(await hasArrived(asked)).toBe(false);
  const waiting = hasArrived({ ...asked, waitSeconds: 20 });
  const body = { state: asked.state };
  const { status } = await call(server, { method: 'POST', path: '/arrivals', box: createBox(), body });
  expect(status).toBe(204);
  expect(await waiting).toBe(true);
});

it('takes no answer for one that is none', async () => {
  const runtime = { fetch: async () => Response.json({ arrived: 'yes' }) };
  const asked = { registration: 'https://registration.example', state: 'x'.repeat(16), runtime };
  await expect(hasArrived(asked)).rejects.toMatchObject({ code: 'bad-answer' });
});
