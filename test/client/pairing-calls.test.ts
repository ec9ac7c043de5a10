import * as fc from 'fast-check';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { authorise, serverInfo } from '../../src/client/pairing-calls.ts';
import { isUuid4, PairingMemory } from '../../src/client/pairing-memory.ts';
import { livePairingSocket } from '../../src/client/pairing-socket.ts';
import { type Runtime, runtimeFrom } from '../../src/client/runtime.ts';
import { memoryStore } from '../../src/client/store.ts';
import { Problem } from '../../src/kit/runtime/errors.ts';
import { AuthoriseAnswer, AuthorisePending, ServerInfo } from '../../src/protocol/pairing-api.ts';
import { FakeClock } from '../support/fake-clock.ts';

const id = '6f2f3c1e-8a0b-4c1d-9e2f-0123456789ab';
const info = { serverId: id, boxId: 'a'.repeat(52), name: 'Our box', v: '1.0' };
const allowed = { accessToken: 't'.repeat(43), expiresIn: 600, tokenType: 'Bearer', serverId: id };
const pending = { status: 'pending', code: '7K4Q', retryAfterSeconds: 2 };
const details = { type: 'socket', id, serverId: id, sessionId: id, clientLabel: 'Radio', expiresIn: 600 };

/** A recorded message of which one field is another, or anything at all. */
const like = (recorded: object): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...Object.keys(recorded)), fc.anything({ maxDepth: 2 }))
      .map(([field, value]) => ({ ...recorded, [field]: value })),
    fc.jsonValue(),
  );
const answering = (value: unknown, status: number): { runtime: Runtime } => ({
  runtime: runtimeFrom({ fetch: async () => new Response(JSON.stringify(value) ?? '', { status }) }),
});
const outcome = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);
const body = { clientId: id, name: 'Radio', kind: 'client', wait: 0 } as const;

describe('what answers', () => {
  it('is what was agreed, or a problem with a code', async () => {
    expect(await serverInfo('https://a.example', answering(info, 200))).toEqual(info);
    expect(await authorise('https://a.example', body, answering(allowed, 200))).toEqual(allowed);
    expect(await authorise('https://a.example', body, answering(pending, 202))).toEqual(pending);
    const status = fc.constantFrom(200, 202, 403, 409, 410, 429, 500);
    await fc.assert(
      fc.asyncProperty(like(info), status, async (value, code) => {
        const said = await outcome(serverInfo('https://a.example', answering(value, code)));
        expect(said instanceof Problem || Value.Check(ServerInfo, said)).toBe(true);
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(like(allowed), like(pending)), status, async (value, code) => {
        const said = await outcome(authorise('https://a.example', body, answering(value, code)));
        const agreed = Value.Check(AuthoriseAnswer, said) || Value.Check(AuthorisePending, said);
        expect(said instanceof Problem || agreed).toBe(true);
      }),
    );
  });
});

describe('what is remembered', () => {
  it('is two ids, or nothing, whatever another script wrote there', async () => {
    const runtime = runtimeFrom({});
    const text = fc.oneof(
      like({ serverId: id, clientId: id }).map((value) => JSON.stringify(value)),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(text, async (written) => {
        const store = memoryStore();
        if (written !== undefined) await store.save('pairing:here', written);
        const memory = new PairingMemory({ store, place: 'here', runtime });
        const first = await memory.of(id);
        expect([first.serverId, first.clientId].every(isUuid4)).toBe(true);
        expect(await memory.of(id)).toEqual(first);
      }),
    );
  });
});

/** A socket on which the other side says `messages` and then closes. */
function saying(messages: readonly unknown[], code: number): WebSocket {
  const socket = Object.assign(new EventTarget(), { close: () => undefined });
  queueMicrotask(() => {
    for (const data of messages) socket.dispatchEvent(new MessageEvent('message', { data }));
    socket.dispatchEvent(Object.assign(new Event('close'), { code }));
  });
  return socket as unknown as WebSocket;
}

const live = (said: unknown[], code: number): Promise<string> =>
  livePairingSocket(
    {
      origin: 'https://a.example',
      serverId: id,
      token: 't',
      onOpen: () => undefined,
      onEvent: () => undefined,
      runtime: runtimeFrom({ openSocket: () => saying(said, code), clock: new FakeClock() }),
    },
    new AbortController().signal,
  );

describe('what comes over the socket', () => {
  it('opens it only as the details of the right server, and is an event or nothing', async () => {
    const anything = fc.oneof(like(details), like({ type: 'token', accessToken: 'x', expiresIn: 600 }));
    const messages = fc.array(
      fc.oneof(
        anything.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(messages, fc.constantFrom(1000, 1006, 4401), async (said, code) => {
        const types: string[] = [];
        const end = await livePairingSocket(
          {
            origin: 'https://a.example',
            serverId: id,
            token: 't',
            onOpen: () => types.push('socket'),
            onEvent: ({ type }) => types.push(type),
            runtime: runtimeFrom({ openSocket: () => saying(said, code), clock: new FakeClock() }),
          },
          new AbortController().signal,
        );
        expect(['ended', 'lost']).toContain(end);
        expect([undefined, 'socket']).toContain(types[0]);
        expect(
          types.slice(1).every((type) => ['session-ended', 'token', 'ways', 'state'].includes(type)),
        ).toBe(true);
      }),
    );
  });

  it('is about the end of the session only when the box says so', async () => {
    expect(await live([JSON.stringify(details)], 4401)).toBe('ended');
    expect(await live([JSON.stringify(details)], 1006)).toBe('lost');
    expect(await live([JSON.stringify({ ...details, serverId: 'x' })], 4401)).toBe('lost');
  });
});
