import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { minutes } from '../../src/kit/runtime/clock.ts';
import { agentPaths } from '../../src/protocol/agent-api.ts';
import { agentBoxPaths } from '../../src/protocol/constants.ts';
import { appOrigin, boxId, fromApp } from '../box/lab/lab.ts';
import { withToken } from '../box/auth/agents/paired.ts';
import { type Computer, openComputer } from './computer.ts';

interface Line {
  socket: WebSocket;
  /** The next message, or `closed <code>`. */
  next: () => Promise<Record<string, unknown> | string>;
}

function open(
  { agent }: Computer,
  query = '',
  headers: Record<string, string> = { origin: appOrigin },
): Line {
  const socket = new WebSocket(`ws://127.0.0.1:${agent.port}${agentPaths.socket}${query}`, { headers });
  const heard: (Record<string, unknown> | string)[] = [];
  let wake = Promise.withResolvers<void>();
  const hear = (what: Record<string, unknown> | string): void => {
    heard.push(what);
    wake.resolve();
  };
  socket.on('message', (data: Buffer) => hear(JSON.parse(data.toString()) as Record<string, unknown>));
  socket.on('unexpected-response', (_, { statusCode }) => hear(`refused ${statusCode}`));
  socket.on('close', (code) => hear(`closed ${code}`));
  socket.on('error', () => undefined);
  const next = async (): Promise<Record<string, unknown> | string> => {
    for (;;) {
      const first = heard.shift();
      if (first !== undefined) return first;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  };
  return { socket, next };
}

it('signs a page in over one socket', async () => {
  const computer = await openComputer();
  const { socket, next } = open(computer, `?box=${boxId}`);
  const alive = await next();
  expect(alive).toMatchObject({ type: 'alive', status: 'ok' });
  const { challenge } = alive as { challenge: string };
  const { json } = await fromApp(computer.lab, 'POST', agentBoxPaths.challenge, { body: { challenge } });
  const { signedAt, signature } = json;
  socket.send(JSON.stringify({ type: 'exchange', challenge, signedAt, signature, deviceId: 'page' }));
  const credentials = (await next()) as Record<string, unknown>;
  expect(credentials['type']).toBe('credentials');
  const token = String(credentials['access_token']);
  expect((await withToken(computer.lab, token, 'GET', '/api/state')).status).toBe(200);
  // The same challenge again.
  socket.send(JSON.stringify({ type: 'exchange', challenge, signedAt, signature, deviceId: 'page' }));
  expect(await next()).toMatchObject({ type: 'error', code: 'challenge-unknown' });
  socket.send(JSON.stringify({ type: 'done' }));
  expect(await next()).toBe('closed 1000');
});

it('is closed to other pages, other paths and other messages, and after five minutes', async () => {
  const computer = await openComputer();
  expect(await open(computer, '', { origin: 'https://evil.test' }).next()).toBe('refused 403');
  expect(await open(computer, '', {}).next()).toBe('refused 403');
  expect(await open(computer, '', { origin: appOrigin, host: 'evil.test' }).next()).toBe('refused 421');
  expect(await open(computer, '?box=x').next()).toBe('refused 404');
  const stranger = open(computer, `?box=${'b'.repeat(51)}a`);
  expect(await stranger.next()).toMatchObject({ type: 'error', code: 'not-paired' });
  for (const message of ['', '{', '[]', '{"type":"exchange"}', '{"type":"other"}', 'x'.repeat(5000)]) {
    const { socket, next } = open(computer);
    await next();
    socket.send(message);
    expect(await next()).toMatch(/^closed 10(08|09)$/);
  }
  const idle = open(computer);
  await idle.next();
  await computer.lab.clock.advance(minutes(5));
  expect(await idle.next()).toBe('closed 1000');
});
