import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import * as fc from 'fast-check';
import { Value } from 'typebox/value';
import { beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { createLog } from '../../../../src/kit/log/log.ts';
import { DecideRequest } from '../../../../src/protocol/approvals-api.ts';
import { AuthoriseRequest } from '../../../../src/protocol/pairing-api.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { mutated as mutationsOf } from '../../../support/messages.ts';
import { soon } from '../../../support/soon.ts';
import { Browser, home, type Lab, names, openLab } from '../../lab/lab.ts';
import { authorise, bearer, decide, openSocket, paired, pendingOf } from './flow.ts';

let lab: Lab;
let owner: Browser;
/** Everything that the box said in its log, at its most talkative. */
const lines: string[] = [];
const folder = temporaryFolder();
const log = createLog({ level: 'trace', format: 'json', write: (line) => lines.push(line) });

beforeAll(async () => {
  lab = await openLab({ folder, log });
  owner = new Browser(lab);
  await owner.firstRun();
});

/** Sessions, questions and answers: what strangers must not change. */
async function state(): Promise<unknown> {
  const { json: sessions } = await owner.call('GET', '/api/sessions');
  const { json } = await owner.call('GET', '/api/approvals');
  const approvals = [json['pending'], json['remembered']];
  return { ids: (sessions['sessions'] as { id: string }[]).map(({ id }) => id), approvals };
}

let address = 0;
/** Each from an address of its own: the limits are not what is tried here. */
function elsewhere(): void {
  address++;
  lab.from = { ...home, address: `10.1.${Math.floor(address / 250)}.${address % 250}` };
}

/** As the schema has it; nobody waits, because the clock stands still. */
const good = fc.record(
  {
    clientId: fc.oneof(
      fc.uuid({ version: 4 }),
      fc.uuid({ version: 4 }).map((id) => id.toUpperCase()),
    ),
    name: fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
    kind: fc.constantFrom('client', 'agent'),
    wait: fc.constant(0),
  },
  { requiredKeys: ['clientId', 'wait'] },
);
/** Of which one field is replaced, taken away or added. */
const mutated = fc
  .tuple(
    good,
    fc.constantFrom('clientId', 'name', 'kind', 'wait', 'person', '__proto__'),
    fc.oneof(
      fc.anything({ maxDepth: 2 }),
      fc.constantFrom(undefined, null, '', -1, 26, 1.5, 'x'.repeat(5000), 'owner', 'device', '\u0000'),
      fc.uuid({ version: [1, 3, 5, 7] }),
    ),
  )
  .map(([body, field, value]): object => Object.fromEntries([...Object.entries(body), [field, value]]))
  .filter((body) => !Value.Check(AuthoriseRequest, JSON.parse(JSON.stringify(body))));

describe('whatever is sent', () => {
  it('to /authorise is a question, a bad request, or nothing', async () => {
    const before = await state();
    const bodies = fc.oneof(good, mutated, fc.anything({ maxDepth: 3 }), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom('/auth', '/authorise'), async (body, path) => {
        elsewhere();
        const { status, json } = await new Browser(lab).call('POST', path, {
          body,
          headers: { origin: undefined },
        });
        expect([202, 400, 413, 415, 429]).toContain(status);
        expect(json).toHaveProperty(status === 202 ? 'status' : 'code', expect.any(String));
      }),
      { numRuns: 300 },
    );
    // Of questions there may be some; they end by themselves.
    await lab.clock.advance(minutes(2));
    expect(await state()).toEqual(before);
  });

  it('to /authorise, made of what a client did send, is a question, a no, or a bad request', async () => {
    const recording = { clientId: randomUUID(), name: 'Radio', kind: 'client', wait: 0 };
    lab.from = home;
    await authorise(lab, recording);
    // It was told no, so that it does not wait whatever becomes of its `wait`.
    await decide(owner, false);
    const before = await state();
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(mutationsOf(recording), async (body) => {
        elsewhere();
        const { status } = await authorise(lab, body as object);
        statuses.add(status);
      }),
      { numRuns: 200 },
    );
    expect([202, 400, 403, 415, 429]).toEqual(expect.arrayContaining([...statuses]));
    expect([...statuses]).toEqual(expect.arrayContaining([400, 403]));
    await lab.clock.advance(minutes(2));
    expect(await state()).toEqual(before);
  });

  it('as an owner’s answer is none, but for the one that it is', async () => {
    lab.from = home;
    await authorise(lab, { clientId: randomUUID(), wait: 0 });
    const [question] = await pendingOf(owner);
    const before = await state();
    const ids = fc.oneof(fc.constant(question?.id ?? ''), fc.uuid(), fc.string({ unit: 'binary' }));
    const bodies = fc
      .oneof(mutationsOf({ allow: true }), fc.jsonValue())
      .filter((body) => !Value.Check(DecideRequest, body));
    await fc.assert(
      fc.asyncProperty(ids, bodies, async (id, body) => {
        const path = `/api/approvals/${encodeURIComponent(id)}`;
        expect([400, 404, 415]).toContain((await owner.call('POST', path, { body })).status);
        expect([400, 404]).toContain((await owner.call('DELETE', path)).status);
      }),
      { numRuns: 100 },
    );
    expect(await state()).toEqual(before);
    await decide(owner, false);
  });

  it('of bytes to /authorise is a bad request', async () => {
    const before = await state();
    const types = [
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'x/y; charset=\u00ff',
    ];
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.constantFrom(...types), async (text, type) => {
        elsewhere();
        const headers = { origin: undefined, 'content-type': type };
        const { status } = await new Browser(lab).call('POST', '/authorise', { form: text, headers });
        expect([400, 415]).toContain(status);
      }),
      { numRuns: 100 },
    );
    expect(await state()).toEqual(before);
  });

  it('as an upgrade to /w is refused with 403', async () => {
    const before = await state();
    const { accessToken, sessionId } = await paired(lab, owner);
    const text = fc.oneof(
      fc.stringMatching(/^[ -~]{0,200}$/),
      // A good one with a character changed.
      fc.nat({ max: accessToken.length - 1 }).map((at) => {
        const other = accessToken[at] === 'A' ? 'B' : 'A';
        return accessToken.slice(0, at) + other + accessToken.slice(at + 1);
      }),
    );
    const header = fc.constantFrom(
      (value: string) => `authorization: Bearer ${value}`,
      (value: string) => `authorization: ${value}`,
      (value: string) => `sec-websocket-protocol: porchlight, token.${value}`,
      (value: string) => `sec-websocket-protocol: ${value}`,
      (value: string) => `cookie: __Host-porchlight=${value}`,
    );
    await fc.assert(
      fc.asyncProperty(text, header, async (value, line) => {
        elsewhere();
        expect(await upgradeWith([line(value)])).toMatch(/^HTTP\/1\.1 40[03] /);
      }),
      { numRuns: 150 },
    );
    // As it should be, but for one thing.
    expect(
      await upgradeWith([`authorization: Bearer ${accessToken}`, 'sec-websocket-version: 1']),
    ).not.toMatch(/ 101 /);
    expect(await upgradeWith([`authorization: Bearer ${accessToken}`])).toMatch(/ 101 /);
    await owner.call('DELETE', `/api/sessions/${sessionId}`);
    expect(await state()).toEqual(before);
  });

  it('over the socket is not listened to', async () => {
    const { accessToken, sessionId } = await paired(lab, owner);
    const before = await state();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 6000 }), fc.json()),
        async (data) => {
          elsewhere();
          const { socket, closed } = openSocket(lab, bearer(accessToken));
          await once(socket, 'message');
          socket.send(data);
          expect([1008, 1009]).toContain((await closed)[0]);
        },
      ),
      { numRuns: 30 },
    );
    expect(await state()).toEqual(before);
    await owner.call('DELETE', `/api/sessions/${sessionId}`);
  });
});

it('keeps out of the log and out of the store what lets in', async () => {
  lab.from = home;
  const wrong = { clientId: randomUUID(), token: 'w'.repeat(43) };
  await authorise(lab, { clientId: wrong.clientId, name: 'Radio', wait: 0 });
  await decide(owner, false);
  await authorise(lab, { clientId: wrong.clientId });
  await authorise(lab, { clientId: `${wrong.clientId}x` });
  expect(await upgradeWith([`authorization: Bearer ${wrong.token}`])).toMatch(/ 403 /);
  const { clientId, accessToken } = await paired(lab, owner);
  const byHeader = openSocket(lab, bearer(accessToken));
  const byProtocol = openSocket(lab, {}, ['porchlight', `token.${accessToken}`]);
  await Promise.all([byHeader, byProtocol].map(({ socket }) => once(socket, 'message')));
  await lab.clock.advance(minutes(8));
  const rotated = (): string =>
    String(byHeader.messages.find(({ type }) => type === 'token')?.['accessToken']);
  await expect.poll(rotated, soon).toMatch(/^[\w-]{43}$/);
  byHeader.socket.send('nothing that is asked');
  await byHeader.closed;
  byProtocol.socket.terminate();
  const secrets = [wrong.clientId, wrong.token, clientId, accessToken, rotated()];
  log.info('so that there is a line');
  expect(secrets.filter((secret) => lines.join('').includes(secret))).toEqual([]);
  const stored = ['access.sqlite', 'access.sqlite-wal'].map((file) =>
    readFileSync(join(folder, file), 'latin1'),
  );
  expect(secrets.filter((secret) => stored.join('').toLowerCase().includes(secret.toLowerCase()))).toEqual(
    [],
  );
  expect(await pendingOf(owner)).toEqual([]);
});

/** The status line that an upgrade with these headers is answered with. */
async function upgradeWith(lines: readonly string[]): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port: lab.port, servername: names.main, ca: lab.caPem });
  const usual = ['connection: Upgrade', 'upgrade: websocket', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];
  const version = lines.some((line) => line.includes('version')) ? [] : ['sec-websocket-version: 13'];
  const head = ['GET /w HTTP/1.1', `host: ${names.main}`, ...usual, ...version, ...lines, '', ''];
  socket.on('error', () => undefined).write(head.join('\r\n'));
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString('latin1').split('\r\n')[0] ?? '';
}
