import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  appOrigin,
  Browser,
  connectQuery,
  exchange,
  fromApp,
  openLab,
  password,
  refresh,
  socket,
} from '../lab/lab.ts';

describe('what was answered', () => {
  it('is there after the plug was pulled: owner, session, tokens, and what was revoked', async () => {
    const folder = temporaryFolder();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'claimed-box.child.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const made = JSON.parse(line) as Record<'cookie' | 'access' | 'refresh' | 'ended', string>;

    const lab = await openLab({ folder });
    expect(lab.access.claimed.value).toBe(true);
    expect(lab.access.setupCode).toBeUndefined();
    const owner = new Browser(lab);
    owner.cookie = made.cookie;
    expect(await owner.open()).toMatchObject({ stage: 'in', person: { name: 'Ada' } });
    const headers = { authorization: `Bearer ${made.access}` };
    expect((await fromApp(lab, 'GET', '/api/me', { headers })).status).toBe(200);
    expect((await refresh(lab, made.refresh)).status).toBe(200);
    const ended = new Browser(lab);
    ended.cookie = made.ended;
    expect((await ended.open())['stage']).toBe('login');
    expect((await new Browser(lab).signIn()).status).toBe(204);
  });
});

it('lets those who are in stay in, and see, when nothing can be written any more', async () => {
  const folder = temporaryFolder();
  const lab = await openLab({ folder });
  const owner = new Browser(lab);
  await owner.firstRun();
  await lab.clock.advance(minutes(5));
  // What a disk without room does to SQLite, another writer does too.
  const writer = new DatabaseSync(join(folder, 'access.sqlite'));
  writer.exec('BEGIN IMMEDIATE');
  expect(await owner.open()).toMatchObject({ stage: 'in' });
  const refused = await owner.call('POST', '/api/people', { body: { name: 'Bo', role: 'member' } });
  expect(refused).toMatchObject({ status: 503, json: { code: 'storage-failed' } });
  writer.close();
  expect((await owner.call('GET', '/api/people')).json['people']).toHaveLength(1);
  expect((await owner.call('POST', '/api/people', { body: { name: 'Bo', role: 'member' } })).status).toBe(
    201,
  );
});

it('keeps every secret out of the log at its most talkative, and out of the store', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'trace', format: 'json', write: (line) => lines.push(line) });
  const folder = temporaryFolder();
  const lab = await openLab({ folder, log });
  log.info('so that there is a line');
  const setupCode = lab.access.setupCode ?? '';
  const owner = new Browser(lab);
  await owner.call('POST', '/api/first-run', { body: { setupCode: 'WRNG-CDE2', name: 'Ada', password } });
  const recoveryCode = String((await owner.firstRun()).json['recoveryCode']);
  const { accessToken, refreshToken, code } = await owner.connect();
  const verifier = 'verifier-'.repeat(6);
  await exchange(lab, code, verifier);
  const wrong = 'wrong but still secret';
  await new Browser(lab).signIn('Ada', wrong);
  await owner.call('POST', '/api/login', { form: `name=Ada&password=${wrong}` });
  await owner.call('GET', `/connect?${new URLSearchParams(connectQuery()).toString()}`);
  const opened = socket(lab, { origin: appOrigin });
  await once(opened, 'open');
  opened.send(JSON.stringify({ accessToken }));
  await once(opened, 'close');
  const seen = [
    setupCode,
    'WRNG-CDE2',
    password,
    recoveryCode,
    accessToken,
    refreshToken,
    code,
    verifier,
    wrong,
  ];
  const secrets = [...seen, owner.cookie ?? '', owner.csrf ?? '', connectQuery()['state'] ?? ''];
  expect(secrets.every((secret) => secret.length >= 8)).toBe(true);
  expect(lines.length).toBeGreaterThan(0);
  expect(secrets.filter((secret) => lines.join('').includes(secret))).toEqual([]);
  const stored = ['access.sqlite', 'access.sqlite-wal'].map((file) =>
    readFileSync(join(folder, file), 'latin1'),
  );
  expect(secrets.filter((secret) => stored.join('').includes(secret))).toEqual([]);
});
