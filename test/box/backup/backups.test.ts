import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it } from 'vitest';
import { Backups, placeFile } from '../../../src/box/backup/backups.ts';
import { carryOut } from '../../../src/box/state/pending.ts';
import { sealed } from '../../../src/box/backup/sealed.ts';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { type Answer, Browser, type Lab, openLab, password } from '../lab/lab.ts';
import { partRoutes } from '../lab/part-routes.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const passphrase = 'a lamp beside the old harbour';
const place = {
  zoneRoot: 'box.test',
  zoneApi: 'https://dns.test:5300',
  registration: 'https://registration.test:4443',
  acmeDirectory: 'https://ca.test/directory',
  apps: ['https://app.test/'],
};

interface OwnedBox {
  state: string;
  boxId: string;
  lab: Lab;
  owner: Browser;
  backups: Backups;
  restarts: number;
}

/** A box with an identity, a certificate, and (unless it is to stay without) an owner who is called Ada. */
async function openBox(state: string, options: { claim: boolean }): Promise<OwnedBox> {
  const { boxId } = await loadIdentity({ stateFolder: state, clock: new FakeClock() });
  const box = { state, boxId, restarts: 0 };
  const backups = new Backups({
    stateFolder: state,
    name: () => 'Attic',
    place,
    version: '1.2.3',
    clock: new FakeClock(),
    restart: () => box.restarts++,
  });
  const lab = await openLab({ folder: join(state, 'access'), routes: partRoutes({ backups }) });
  const owner = new Browser(lab);
  await owner.open();
  if (options.claim) await owner.firstRun();
  return Object.assign(box, { lab, owner, backups });
}

function write(state: string, path: string, text: string): void {
  mkdirSync(join(state, path, '..'), { recursive: true });
  writeFileSync(join(state, path), text);
}

const refused = (status: number, code: string): object => ({ status, json: { code } });

describe('a backup', () => {
  let box: OwnedBox;
  let file: Buffer;

  beforeAll(async () => {
    box = await openBox(temporaryFolder(), { claim: true });
    write(box.state, 'certificate/accounts.json', '{"https://ca.test/directory":{"keyPem":"account key"}}');
    write(box.state, 'certificate/pairs/0a/key.pem', 'pair');
    write(box.state, 'settings/settings.json', '{"name":"Attic"}');
    write(box.state, 'enrolment/a name, as people give them (ü)/1.pem', 'device');
    write(box.state, 'tunnel/running.rc', 'of this process');
    file = await box.backups.make(passphrase);
  });

  it('shows nothing of what it holds, and is another one each time', async () => {
    expect(file.subarray(0, 20).toString()).toBe('Porchlight backup 1\n');
    for (const secret of ['PRIVATE KEY', 'account key', 'Ada']) expect(file.includes(secret)).toBe(false);
    expect((await box.backups.make(passphrase)).equals(file)).toBe(false);
  });

  it('makes a fresh box the same: identity, account, certificate, settings, people; but no session', async () => {
    const state = temporaryFolder();
    const fresh = await openBox(state, { claim: false });
    expect(fresh.boxId).not.toBe(box.boxId);
    const view = await fresh.backups.restore(file, passphrase);
    expect(view).toMatchObject({ boxId: box.boxId, name: 'Attic', place });
    await fresh.lab.close();
    await carryOut(state);
    const kept = [
      'enrolment/a name, as people give them (ü)/1.pem',
      'identity/key.pem',
      'certificate/accounts.json',
      'certificate/pairs/0a/key.pem',
    ];
    for (const path of [...kept, 'settings/settings.json'])
      expect(await readFile(join(state, path), 'utf8')).toBe(await readFile(join(box.state, path), 'utf8'));
    expect(JSON.parse(await readFile(join(state, placeFile), 'utf8'))).toEqual(place);
    expect(existsSync(join(state, 'tunnel'))).toBe(false);
    const restored = await openBox(state, { claim: false });
    expect(restored.boxId).toBe(box.boxId);
    // The cookie was good when the backup was made.
    restored.owner.cookie = box.owner.cookie;
    expect(await restored.owner.open()).toMatchObject({ stage: 'login' });
    expect(await restored.owner.signIn()).toMatchObject({ status: 204 });
  });

  it('that was changed at any place, or is of another passphrase, changes nothing', async () => {
    const fresh = await openBox(temporaryFolder(), { claim: false });
    const places = [20, 30, 40, 60, file.length >> 1, file.length - 1];
    for (const place of places) {
      const changed = Buffer.from(file);
      changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
      await expect(fresh.backups.restore(changed, passphrase)).rejects.toMatchObject({
        code: 'wrong-passphrase',
      });
    }
    const codes: [Buffer, string, string][] = [
      [file, 'another passphrase', 'wrong-passphrase'],
      [file.subarray(0, -1), passphrase, 'wrong-passphrase'],
      [file.subarray(1), passphrase, 'backup-malformed'],
      [Buffer.from('Porchlight backup 2\n'.padEnd(100)), passphrase, 'backup-malformed'],
      [Buffer.alloc(0), passphrase, 'backup-malformed'],
      [await sealed(Buffer.from('{}'), passphrase), passphrase, 'backup-malformed'],
    ];
    for (const [bytes, words, code] of codes)
      await expect(fresh.backups.restore(bytes, words)).rejects.toMatchObject({ code });
    expect(await carryOut(fresh.state)).toBeUndefined();
  });

  it('of people that only a newer box can read is refused before anything changes', async () => {
    const newer = temporaryFolder();
    const source = await openBox(newer, { claim: true });
    await source.lab.close();
    const database = new DatabaseSync(join(newer, 'access/access.sqlite'));
    database.exec('PRAGMA user_version = 1000');
    database.close();
    const made = await source.backups.make(passphrase);
    const fresh = await openBox(temporaryFolder(), { claim: false });
    await expect(fresh.backups.restore(made, passphrase)).rejects.toThrow('update this box first');
    expect(await carryOut(fresh.state)).toBeUndefined();
  });

  it('is not made with a passphrase that can be guessed', async () => {
    await expect(box.backups.make('short')).rejects.toMatchObject({ code: 'passphrase-refused' });
  });
});

describe('in the console', () => {
  it('an owner gets a backup, and gives it back, after proof that it is they', async () => {
    const box = await openBox(temporaryFolder(), { claim: true });
    box.owner.proves = false;
    await box.lab.clock.advance(minutes(5));
    expect(await box.owner.call('POST', '/api/backup', { body: { passphrase } })).toMatchObject(
      refused(403, 'proof-needed'),
    );
    await box.owner.prove();
    expect(await box.owner.call('POST', '/api/backup', { body: { passphrase: 'short' } })).toMatchObject(
      refused(422, 'passphrase-refused'),
    );
    const answer = await box.owner.call('POST', '/api/backup', { body: { passphrase } });
    const backup = String(answer.json['backup']);
    const restore = (body: object): Promise<Answer> => box.owner.call('POST', '/api/restore', { body });
    expect(await restore({ passphrase: 'another one', backup })).toMatchObject(
      refused(422, 'wrong-passphrase'),
    );
    expect(await restore({ passphrase, backup: 'no base64!' })).toMatchObject(refused(400, 'bad-request'));
    expect(box.restarts).toBe(0);
    expect(await restore({ passphrase, backup })).toMatchObject({
      status: 202,
      json: { boxId: box.boxId, origin: `https://${box.boxId}.box.test` },
    });
    await expect.poll(() => box.restarts).toBe(1);
    expect(await carryOut(box.state)).toMatchObject({ action: 'restore' });
  });

  it.each([true, false])('a reset forgets people; the identity too: %s', async (forgetIdentity) => {
    const box = await openBox(temporaryFolder(), { claim: true });
    const reset = (): Promise<Answer> => box.owner.call('POST', '/api/reset', { body: { forgetIdentity } });
    box.owner.proves = false;
    await box.lab.clock.advance(minutes(5));
    expect(await reset()).toMatchObject(refused(403, 'proof-needed'));
    expect(box.restarts).toBe(0);
    await box.owner.prove();
    expect(await reset()).toMatchObject({ status: 202 });
    await expect.poll(() => box.restarts).toBe(1);
    await box.lab.close();
    await carryOut(box.state);
    const after = await openBox(box.state, { claim: false });
    expect(await after.owner.open()).toMatchObject({ stage: 'first-run' });
    expect(after.boxId === box.boxId).toBe(!forgetIdentity);
  });

  it('is for owners alone, and for nobody who is not in', async () => {
    const box = await openBox(temporaryFolder(), { claim: true });
    const invited = await box.owner.call('POST', '/api/people', { body: { name: 'Grace', role: 'member' } });
    const member = new Browser(box.lab);
    const inviteCode = String(invited.json['inviteCode']);
    await member.call('POST', '/api/join', { body: { inviteCode, password } });
    await member.open();
    const calls = {
      '/api/backup': { passphrase },
      '/api/restore': { passphrase, backup: 'AAAA' },
      '/api/reset': { forgetIdentity: true },
    };
    for (const [path, body] of Object.entries(calls)) {
      expect(await member.call('POST', path, { body })).toMatchObject(refused(403, 'owner-only'));
      expect(await new Browser(box.lab).call('POST', path, { body })).toMatchObject(
        refused(401, 'not-logged-in'),
      );
    }
  });
});
