import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostPending } from '../../../../src/box/auth/instances/pending.ts';
import { days, minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import { createLog } from '../../../../src/kit/log/log.ts';
import { AskRequest, ConfirmRequest, InstanceRequest } from '../../../../src/protocol/instance-api.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { fromSchema, mutated } from '../../../support/messages.ts';
import { away, home } from '../../lab/lab.ts';
import { decide } from '../pairing/flow.ts';
import { letInOnce } from './flow.ts';
import { type House, openHouse, PhoneApp, plain } from './house.ts';

/** What a header can hold. */
function clean(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return encodeURI(text.toWellFormed()).slice(0, 500);
}

const refused = (code: string, status = 401): object => ({ status, json: { code } });

/** All that sleeps is awake then, once. */
async function later({ lab: { clock } }: House, howMany: number): Promise<void> {
  clock.jump(clock.now() + days(howMany));
  await clock.advance(minutes(11));
}

describe('a session of an instance', () => {
  it('that an owner ended is over at once, and so is its credential, also after a restart', async () => {
    const folder = temporaryFolder();
    const house = await openHouse({ folder });
    const app = await (await new PhoneApp(house).letIn()).linked();
    const other = await new PhoneApp(house).letIn();
    expect((await app.call('GET', '/api/me')).status).toBe(200);
    const { json } = await house.owner.call('GET', '/api/sessions');
    const all = json['sessions'] as { id: string; kind: string; personId: string | null }[];
    const mine = all.filter(({ kind, personId }) => kind === 'instance' && personId !== null);
    expect(mine).toHaveLength(1);
    await house.owner.call('DELETE', `/api/sessions/${mine[0]?.id}`);
    expect(await app.call('GET', '/api/me')).toMatchObject(refused('signature-refused'));
    expect((await other.call('GET', '/api/instance')).status).toBe(200);
    await house.lab.close();
    const again = await openHouse({ folder });
    const moved = (from: PhoneApp): PhoneApp =>
      Object.assign(new PhoneApp(again, from.deviceId), { credentials: from.credentials });
    expect(await moved(app).call('GET', '/api/instance')).toMatchObject(refused('signature-refused'));
    expect((await moved(other).call('GET', '/api/instance')).status).toBe(200);
  });

  it('ends when the instance leaves, and when nobody used it for ninety days', async () => {
    const house = await openHouse();
    const [leaving, staying, idle, never] = await Promise.all(
      [1, 2, 3, 4].map(() => new PhoneApp(house).letIn()),
    );
    expect((await leaving?.call('DELETE', '/api/instance'))?.status).toBe(204);
    expect(await leaving?.call('GET', '/api/instance')).toMatchObject(refused('signature-refused'));
    await house.lab.clock.advance(seconds(90));
    for (const app of [staying, idle]) await app?.call('GET', '/api/instance');
    await later(house, 45);
    expect(await never?.call('GET', '/api/instance')).toMatchObject(refused('signature-refused'));
    await staying?.call('GET', '/api/instance');
    await later(house, 46);
    expect(await idle?.call('GET', '/api/instance')).toMatchObject(refused('signature-refused'));
    expect((await staying?.call('GET', '/api/instance'))?.status).toBe(200);
    const condition = house.health.conditions.value.find(({ name }) => name === 'access.instances');
    expect(condition?.message).toContain('dormant credentials: 2');
  });

  it('has its secret in the store in no form that can be used without the key', async () => {
    const folder = temporaryFolder();
    const house = await openHouse({ folder });
    const app = await new PhoneApp(house).letIn();
    const token = new PhoneApp(house);
    await token.signIn();
    await token.request({ variation: 'token' });
    const headers = { authorization: `Bearer ${await token.read('token')}` };
    expect((await plain(house.lab, 'GET', '/api/instance', { headers })).status).toBe(200);
    await house.lab.close();
    const rows = new DatabaseSync(join(folder, 'access.sqlite')).prepare('SELECT * FROM instance').all();
    expect(rows).toHaveLength(2);
    const stored = rows.map((row) => {
      const secret =
        row['secret'] instanceof Uint8Array ? Buffer.from(row['secret']).toString('base64url') : '';
      return secret + String(row['token_hash']);
    });
    for (const secret of [app.credentials?.hmacSecret ?? '', ...token.secrets])
      expect(stored.join()).not.toContain(secret);
  });
});

describe('the open call', () => {
  it('answers the same to everybody, and leaves nothing in the store', async () => {
    const folder = temporaryFolder();
    const house = await openHouse({ folder });
    const stranger = new PhoneApp(house);
    for (const variation of ['otp', 'token'])
      expect((await stranger.request({ variation })).status).toBe(200);
    expect(await stranger.request({ mailbox: 'other' })).toMatchObject(refused('mailbox-unknown', 422));
    expect(await stranger.confirm('00000000')).toMatchObject(refused('otp-refused'));
    await house.lab.close();
    const store = new DatabaseSync(join(folder, 'access.sqlite'));
    expect(store.prepare('SELECT count(*) AS n FROM instance').get()).toEqual({ n: 0 });
  });

  it('is limited by address and in all, and nobody who is in is slower for it', async () => {
    const house = await openHouse();
    const app = await new PhoneApp(house).letIn();
    const statuses = new Map<number, number>();
    for (let call = 0; call < 150; call++) {
      house.lab.from = { ...away, address: `203.0.113.${Math.floor(call / 12)}` };
      const { status } = await new PhoneApp(house).request();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(statuses.get(200)).toBeLessThan(mostPending);
    expect(new Set(statuses.keys())).toEqual(new Set([200, 429]));
    expect(statuses.get(429)).toBeGreaterThan(40);
    house.lab.from = { ...away, address: '203.0.113.99' };
    expect((await new PhoneApp(house).request()).status).toBe(200);
    house.lab.from = away;
    expect((await app.call('GET', '/api/instance')).status).toBe(200);
    expect((await house.owner.call('GET', '/api/me')).status).toBe(200);
  });

  it('and the guessing of passwords after it: by address, in all, and by try', async () => {
    const house = await openHouse();
    const app = new PhoneApp(house);
    await app.signIn();
    await app.request();
    const otp = await app.read('otp');
    const guess = String((Number(otp) + 1) % 1e8).padStart(8, '0');
    const from = (last: number): void => void (house.lab.from = { ...away, address: `203.0.113.${last}` });
    const tried = async (password: string): Promise<number> => (await app.confirm(password)).status;
    for (let call = 0; call < 5; call++) {
      from(call);
      expect(await tried(guess)).toBe(401);
    }
    // From wherever the five came, and though nobody is over a limit of their own.
    from(5);
    expect(await tried(otp)).toBe(401);
    const statuses: number[] = [];
    for (let call = 0; call < 25; call++) statuses.push(await tried(guess));
    expect(new Set(statuses.slice(0, 19))).toEqual(new Set([401]));
    expect(new Set(statuses.slice(19))).toEqual(new Set([429]));
    for (let call = 0; call < 240; call++) {
      from(10 + Math.floor(call / 15));
      await tried(guess);
    }
    from(99);
    for (let call = 0; call < 3; call++) expect(await tried(guess)).toBe(401);
    expect(await app.confirm(guess)).toMatchObject(refused('rate-limited', 429));
  });

  it('is not taken from a page that is no app’s, and from an app’s with CORS', async () => {
    const house = await openHouse();
    const { ids } = new PhoneApp(house);
    for (const [origin, allowed] of [
      ['https://evil.example', undefined],
      ['https://app.test', 'https://app.test'],
    ]) {
      const { headers } = await plain(house.lab, 'POST', '/api/instances', {
        body: ids,
        headers: { origin },
      });
      expect(headers['access-control-allow-origin']).toBe(allowed);
    }
  });

  it('says so when the mailbox is away, and promises nothing', async () => {
    const house = await openHouse();
    const app = new PhoneApp(house);
    await house.server.stop();
    const answer = await app.request();
    expect(answer).toMatchObject({
      status: 503,
      json: { code: 'mailbox-failed' },
      headers: { 'retry-after': '60' },
    });
    expect(answer.text).not.toContain('localhost');
  });
});

it('is listed by a name that can be read, whatever it calls itself', async () => {
  const house = await openHouse();
  await new PhoneApp(house).letIn({ label: '  Par\u202Ety\u0007 \n Pixel ' });
  await new PhoneApp(house).letIn({ label: '\u200B' });
  const { json } = await house.owner.call('GET', '/api/sessions');
  const labels = (json['sessions'] as { kind: string; label: string }[])
    .filter(({ kind }) => kind === 'instance')
    .map(({ label }) => label);
  expect(labels.toSorted((a, b) => a.localeCompare(b))).toEqual(['Party Pixel', 'unknown device']);
});

describe('asking an owner', () => {
  it('is done from home, unless the box says otherwise, and a no is a no', async () => {
    const house = await openHouse();
    const app = await new PhoneApp(house).letIn();
    const ask = (): ReturnType<PhoneApp['call']> => app.call('POST', '/api/instance/ask', { wait: 0 });
    expect(await ask()).toMatchObject(refused('only-at-home', 403));
    house.lab.from = home;
    expect((await ask()).json).toMatchObject({ answer: 'pending' });
    const { json } = await house.owner.call('GET', '/api/approvals');
    const [question] = json['pending'] as { id: string; kind: string }[];
    expect(question?.kind).toBe('instance');
    await house.owner.call('POST', `/api/approvals/${question?.id}`, { body: { allow: false } });
    house.lab.from = away;
    expect((await ask()).json).toEqual({ answer: 'refused', code: '' });
    expect(await app.call('GET', '/api/me')).toMatchObject(refused('not-linked', 403));
    const anywhere = await openHouse({ pairing: 'anywhere' });
    const other = await new PhoneApp(anywhere).letIn();
    expect((await other.call('POST', '/api/instance/ask', {})).json).toMatchObject({ answer: 'pending' });
  });
});

it('lets a yes lapse that comes when the instance has been ended', async () => {
  const house = await openHouse();
  house.lab.from = home;
  const app = await new PhoneApp(house).letIn();
  const asked = app.call('POST', '/api/instance/ask', { wait: 25 });
  await expect
    .poll(async () => (await house.owner.call('GET', '/api/approvals')).json['pending'])
    .toHaveLength(1);
  const instances = async (): Promise<string[]> => {
    const { json } = await house.owner.call('GET', '/api/sessions');
    const all = json['sessions'] as { id: string; kind: string }[];
    return all.filter(({ kind }) => kind === 'instance').map(({ id }) => id);
  };
  for (const id of await instances()) await house.owner.call('DELETE', `/api/sessions/${id}`);
  await decide(house.owner, true);
  await asked;
  expect(await instances()).toEqual([]);
  expect(await app.call('GET', '/api/me')).toMatchObject(refused('signature-refused'));
});

it('is done in four steps, which the figures time', async () => {
  const house = await openHouse();
  const { times } = await letInOnce(house);
  expect(Object.values(times).every((ms) => ms > 0)).toBe(true);
});

it('no message brings it down or lets anybody in', async () => {
  const house = await openHouse();
  const app = await new PhoneApp(house).letIn();
  const { ids } = new PhoneApp(house);
  const recording = { ...ids, otp: '00000000', publicKey: `B${'A'.repeat(86)}` };
  const bodies = fc.oneof(
    ...[InstanceRequest, ConfirmRequest, AskRequest].map(fromSchema),
    mutated(recording),
    mutated({ ...ids, mailbox: 'porchlight', label: 'App', variation: 'otp' }),
  );
  const before = await house.owner.call('GET', '/api/sessions');
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const statuses = [
        (await plain(house.lab, 'POST', '/api/instances', { body })).status,
        (await plain(house.lab, 'POST', '/api/instances/confirm', { body })).status,
        (await app.call('POST', '/api/instance/ask', body ?? null)).status,
      ];
      for (const status of statuses) expect([200, 400, 401, 403, 422, 429]).toContain(status);
    }),
    { numRuns: 50 },
  );
  const header = fc.oneof(
    fc.string(),
    mutated('sig=("@method" "@target-uri");created=1;nonce="n";keyid="k"'),
  );
  await fc.assert(
    fc.asyncProperty(header, header, async (input, signature) => {
      const headers = { 'signature-input': clean(input), signature: clean(signature) };
      const { status } = await plain(house.lab, 'GET', '/api/me', { headers });
      expect(status).toBe(401);
    }),
    { numRuns: 40 },
  );
  const after = await house.owner.call('GET', '/api/sessions');
  expect((after.json['sessions'] as unknown[]).length).toBe((before.json['sessions'] as unknown[]).length);
});

it('writes no secret into the log, at no level', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'trace', format: 'json', write: (text) => void lines.push(text) });
  const house = await openHouse({ log });
  const app = await (await new PhoneApp(house).letIn()).linked();
  await app.call('GET', '/api/me', undefined, { secret: 'x' });
  await app.confirm('12345678');
  const token = new PhoneApp(house);
  await token.signIn();
  await token.request({ variation: 'token' });
  const headers = { authorization: `Bearer ${await token.read('token')}` };
  await plain(house.lab, 'GET', '/api/instance', { headers });
  await house.server.stop();
  await new PhoneApp(house).request();
  const text = lines.join('');
  expect(text).toContain('took no letter');
  const secrets = [...app.secrets, ...token.secrets, app.mailbox.token, token.mailbox.token];
  expect(secrets.length).toBeGreaterThan(5);
  for (const secret of secrets) expect(text).not.toContain(secret);
});
