import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/cli/home/free-port.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { days, minutes } from '../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { soon } from '../support/soon.ts';
import { FakedBox } from './faked-box.ts';
import { noFaketime } from '../support/faked-clock.ts';

const folder = temporaryFolder();
if (noFaketime !== undefined) process.stderr.write(`SKIPPED: boxes with a wrong clock: ${noFaketime}\n`);

const wrong = {
  'a day behind': '-1d',
  'a day ahead': '+1d',
  '100 days ahead': '+100d',
  'in 1970': '@1970-01-02 00:00:00',
  'in 2038': '@2038-01-19 03:14:00',
  'in 2100': '@2100-01-01 00:00:00',
};
const password = 'nine violet teapots';
const server = createServer();

async function newBox(name: string): Promise<{ box: FakedBox; setupCode: () => string }> {
  const state = join(folder, name, 'state');
  const file = join(folder, `${name}.toml`);
  const [port, http, system] = await Promise.all([freePort(), freePort(), freePort()]);
  const { port: cloud } = server.address() as { port: number };
  writeFileSync(
    file,
    `state = "${state}"
[web]
host = "127.0.0.1"
port = ${port}
http-port = ${http}
[system]
port = ${system}
[mdns]
adapter = "off"
[network]
interfaces = ["lo"]
[tunnel]
enabled = false
[acme]
directory = "https://127.0.0.1:9/dir"
[cloud]
zone-api = "https://localhost:${cloud}"
registration = "https://localhost:${cloud}"
ca-file = "${join(folder, 'ca.pem')}"
`,
  );
  const box = new FakedBox(file, port);
  return { box, setupCode: () => readFileSync(join(state, 'access/setup-code'), 'utf8').trim() };
}

/** An owner with a session, somebody who is invited, an app that may connect, and what the record has of it. */
async function settle(box: FakedBox, setupCode: string): Promise<void> {
  // Before the box knows its own links it takes nobody for being at home.
  const claim = async (): Promise<number> =>
    (await box.call('POST', '/api/first-run', { setupCode, name: 'Robin', password })).status;
  await expect.poll(claim, soon).not.toBe(403);
  await box.call('GET', '/api/session');
  expect(await box.call('POST', '/api/people', { name: 'Ada', role: 'member' })).toMatchObject({
    status: 201,
  });
}

interface Seen {
  me: number;
  people: unknown;
  sessions: readonly { createdAt: number; expiresAt: number }[];
  entries: readonly { at: number }[];
}

async function look(box: FakedBox): Promise<Seen> {
  const me = await box.call('GET', '/api/me');
  const { people } = (await box.call('GET', '/api/people')).json;
  const { sessions } = (await box.call('GET', '/api/sessions')).json as Pick<Seen, 'sessions'>;
  const { entries } = (await box.call('GET', '/api/audit')).json as Pick<Seen, 'entries'>;
  return { me: me.status, people, sessions, entries };
}

/** All but when the session was seen last, which goes on. */
const kept = ({ me, people, sessions, entries }: Seen): unknown => [
  me,
  people,
  sessions.map(({ createdAt }) => createdAt),
  entries,
];

/** What the box says of its clock. */
async function doubt(box: FakedBox): Promise<string | undefined> {
  const { conditions = [] } = (await box.call('GET', '/api/state')).json as {
    conditions?: { name: string; message: string }[];
  };
  return conditions.find(({ name }) => name === 'clock')?.message;
}

describe.skipIf(noFaketime !== undefined)(
  `a box with a wrong clock ${noFaketime ?? ''}`,
  { timeout: 180_000 },
  () => {
    let box: FakedBox;
    beforeAll(async () => {
      const ca = await createTestCa();
      writeFileSync(join(folder, 'ca.pem'), ca.caPem);
      const { keyPem, certPem } = await ca.issue(['localhost']);
      server.setSecureContext({ key: keyPem, cert: certPem });
      // The cloud, which says nothing but what time it is.
      server.on('request', (_request, response) => void response.writeHead(404).end());
      await once(server.listen(0, '127.0.0.1'), 'listening');
    });
    afterEach(() => box?.stop());
    afterAll(() => void server.close());

    it('at a start loses nothing, whatever it says', async () => {
      const made = await newBox('starts');
      ({ box } = made);
      await box.start(undefined);
      await settle(box, made.setupCode());
      const before = kept(await look(box));
      await box.stop();
      for (const [name, faked] of [...Object.entries(wrong), ['right again', undefined] as const]) {
        await box.start(faked);
        expect([name, kept(await look(box))]).toEqual([name, before]);
        await box.stop();
      }
    });

    it('during a run loses nothing, and says that the clock has jumped', async () => {
      const made = await newBox('run');
      ({ box } = made);
      const file = join(folder, 'time');
      writeFileSync(file, '+0\n');
      await box.start({ file });
      await settle(box, made.setupCode());
      await expect.poll(() => doubt(box), soon).toBe(undefined);
      const before = kept(await look(box));
      for (const faked of [wrong['100 days ahead'], wrong['in 2100'], wrong['in 1970']]) {
        writeFileSync(file, `${faked}\n`);
        await expect.poll(() => doubt(box), soon).toContain('has jumped');
        expect([faked, kept(await look(box))]).toEqual([faked, before]);
        writeFileSync(file, '+0\n');
        await expect.poll(() => doubt(box), soon).toBe(undefined);
        expect([faked, kept(await look(box))]).toEqual([faked, before]);
      }
    });

    it.each(['100 days ahead', 'in 1970'] as const)(
      'when it is set up (%s) keeps who came in, with their dates right once the time is known',
      async (when) => {
        const made = await newBox(when.replaceAll(' ', '-'));
        ({ box } = made);
        await box.start(wrong[when]);
        const begun = Date.now();
        await settle(box, made.setupCode());
        await box.stop();
        await box.start(undefined);
        const isRight = ({ createdAt }: { createdAt: number }): boolean =>
          createdAt >= begun - minutes(2) && createdAt <= Date.now() + minutes(2);
        await expect.poll(async () => (await look(box)).sessions.every(isRight), soon).toBe(true);
        const { me, sessions, entries } = await look(box);
        expect(me).toBe(200);
        for (const { createdAt, expiresAt } of sessions)
          expect(expiresAt - createdAt).toBeGreaterThan(days(1));
        expect(entries.filter(({ at }) => isRight({ createdAt: at }))).toHaveLength(3);
      },
    );
  },
);
