import { existsSync, readdirSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Backups } from '../../../src/box/backup/backups.ts';
import { applyCard } from '../../../src/box/card/apply.ts';
import { doAsAsked, applyRequests } from '../../../src/box/card/asked.ts';
import { noteText } from '../../../src/box/card/card-note.ts';
import { copyNote } from '../../../src/box/card/note-copy.ts';
import { type CardPaths, cardPaths } from '../../../src/box/card/paths.ts';
import type { Place } from '../../../src/box/backup/contents.ts';
import { BoxConfig } from '../../../src/box/config.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const parent = temporaryFolder();
const passphrase = 'a lamp beside the old harbour';
const place = {
  zoneRoot: 'box.test',
  zoneApi: 'https://d',
  registration: 'https://r',
  acmeDirectory: 'https://a',
  apps: [],
};
const now = new Date('2026-11-23T08:00:00Z');
let count = 0;
let paths: CardPaths;
let state: string;

beforeEach(() => {
  const folder = join(parent, String(count++));
  state = join(folder, 'state');
  const [card, data, run] = ['card', 'data', 'run'].map((name) => join(folder, name));
  for (const path of [card, data, run, state]) mkdirSync(path ?? '', { recursive: true });
  paths = cardPaths({ card: card ?? '', data: data ?? '', state, run: run ?? '' });
});

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
const text = (path: string): string => readFileSync(path, 'utf8');

/** A start of the appliance: the card's reader, the box, and the copier. */
async function start(): Promise<void> {
  await applyCard(paths);
  const outcome = await doAsAsked(dirname(paths.request), state);
  if (outcome !== undefined) put(paths.daemonOutcome, JSON.stringify(outcome));
  expect(await copyNote(paths, now)).toEqual([]);
}

const boxId = async (): Promise<string> =>
  (await loadIdentity({ stateFolder: state, clock: new FakeClock() })).boxId;

async function backupOf(stateFolder: string): Promise<Buffer> {
  const how = { name: () => 'Attic', place, version: '1', clock: new FakeClock(), restart: () => undefined };
  return new Backups({ ...how, stateFolder }).make(passphrase);
}

describe('a file on the card', () => {
  it.each([
    ['reset', true],
    ['Reset\r\n', true],
    ['forget', false],
    [' “FORGET”\n\n', false],
    [Buffer.from('\uFEFFforget\r\n', 'utf16le'), false],
    [Buffer.from("'forget'\r\n", 'utf16le').swap16(), false],
  ])('resets the box, once: “%s”', async (words, kept) => {
    const before = await boxId();
    put(join(state, 'access/access.sqlite'), 'people');
    put(paths.resetRequest, words);
    await start();
    // Nothing but that it was reset.
    expect(readdirSync(join(state, 'access'))).toEqual(['notes.json']);
    expect((await boxId()) === before).toBe(kept);
    expect(existsSync(paths.resetRequest)).toBe(false);
    expect(text(paths.outcome)).toMatch(/^The box has forgotten its people and settings\./);
    put(join(state, 'access/access.sqlite'), 'new people');
    await start();
    expect(existsSync(join(state, 'access'))).toBe(true);
  });

  it.each([
    ['', /empty or damaged: nothing was reset; write the one word reset/],
    [Buffer.alloc(512), /empty or damaged/],
    ['Please never forget us!', /says something else than the box knows: nothing was reset/],
    ['forget?', /nothing was reset/],
    ['forgetful', /nothing was reset/],
    ['reset forget', /nothing was reset/],
  ])('that does not say it in so many words resets nothing, and is told: “%s”', async (words, said) => {
    put(join(state, 'access/access.sqlite'), 'people');
    put(paths.resetRequest, words);
    await start();
    expect(existsSync(join(state, 'access'))).toBe(true);
    expect(existsSync(paths.resetRequest)).toBe(true);
    expect(text(paths.problems)).toMatch(said);
  });

  it('beside one that asks for the opposite does nothing, and takes neither away', async () => {
    const before = await boxId();
    put(paths.resetRequest, 'forget');
    put(paths.restoreRequest, await backupOf(state));
    put(paths.restorePassphrase, passphrase);
    await start();
    expect(await boxId()).toBe(before);
    expect([paths.resetRequest, paths.restoreRequest].every(existsSync)).toBe(true);
    expect(text(paths.problems)).toContain('are both here: nothing was done');
  });

  it('that is only half of a restore says what is missing', async () => {
    await boxId();
    put(paths.restorePassphrase, passphrase);
    await start();
    expect(text(paths.problems)).toContain('is here, but no porchlight-restore.backup');
    put(paths.restoreRequest, Buffer.alloc(4096));
    await start();
    expect(text(paths.problems)).toContain('porchlight-restore.backup is empty');
    put(paths.restoreRequest, await backupOf(state));
    put(paths.restorePassphrase, Buffer.alloc(32));
    await start();
    expect(text(paths.problems)).toContain('porchlight-restore.txt is empty');
    put(paths.restorePassphrase, Buffer.from(`\uFEFF\r\n${passphrase}\r\n`, 'utf16le'));
    await start();
    expect(text(paths.outcome)).toContain('was restored');
    expect(existsSync(paths.problems)).toBe(false);
  });

  it('that cannot be removed from the card is carried out once all the same', async () => {
    put(paths.resetRequest, 'reset');
    await applyCard(paths);
    expect(await doAsAsked(dirname(paths.request), state)).toMatchObject({ done: true });
    put(join(state, 'access/access.sqlite'), 'new people');
    await applyCard(paths);
    expect(await doAsAsked(dirname(paths.request), state)).toMatchObject({ done: true });
    expect(existsSync(join(state, 'access'))).toBe(true);
  });

  it('restores a backup, and neither it nor its passphrase stays', async () => {
    const other = join(parent, `other-${count}`);
    const { boxId: wanted } = await loadIdentity({ stateFolder: other, clock: new FakeClock() });
    put(paths.restoreRequest, await backupOf(other));
    await start();
    expect(text(paths.problems)).toContain('no porchlight-restore.txt with its passphrase');
    put(paths.restorePassphrase, `${passphrase}\r\n`);
    await start();
    expect(await boxId()).toBe(wanted);
    const left = [
      paths.restoreRequest,
      paths.restorePassphrase,
      paths.request,
      paths.requestBackup,
      paths.problems,
    ];
    expect(left.filter(existsSync)).toEqual([]);
    expect(text(paths.outcome)).toBe(
      'The box was restored from the backup on this card. It is “Attic” now.\n',
    );
  });

  it('of a box with another cloud says so, once, so that the configuration is made anew', async () => {
    const config = loadConfig(BoxConfig, {
      env: {},
      args: ['--state', state, '--system.card-requests', dirname(paths.request)],
    }).config;
    const up = async (configured: Place): Promise<boolean> =>
      (await applyRequests(config, configured, silentLog)).elsewhere;
    const restore = async (): Promise<void> => {
      put(paths.restoreRequest, await backupOf(state));
      put(paths.restorePassphrase, passphrase);
      await applyCard(paths);
    };
    await boxId();
    expect(await up(place)).toBe(false);
    await restore();
    expect(await up({ ...place, zoneRoot: 'box.other.test' })).toBe(true);
    expect(await up({ ...place, zoneRoot: 'box.other.test' })).toBe(false);
    await restore();
    expect(await up(place)).toBe(false);
  });

  it('that cannot be restored changes nothing, says why, and can be corrected', async () => {
    const before = await boxId();
    put(paths.restoreRequest, await backupOf(state));
    put(paths.restorePassphrase, 'another one');
    await start();
    expect(await boxId()).toBe(before);
    expect(text(paths.outcome)).toBe(
      'Nothing was changed: the passphrase is wrong, or the file is damaged.\n',
    );
    expect(existsSync(paths.restoreRequest)).toBe(true);
    put(paths.restorePassphrase, passphrase);
    await start();
    expect(text(paths.outcome)).toContain('was restored');
  });
});

describe('the note', () => {
  const facts = {
    name: 'Attic 👨‍👩‍👧',
    boxId: 'a'.repeat(52),
    setupCode: '7K4Q-ZB2M',
    urls: [
      ['main', 'https://x.box.test/'],
      ['mirror', 'https://a.x.box.test/'],
      ['local', 'https://porchlight-x.local/'],
    ] as const,
    addresses: ['192.168.1.20'],
  };

  it('says what a person needs, and the setup code until there is an owner', () => {
    expect(noteText(facts)).toContain(
      '\nSetup code         7K4Q-ZB2M\nAt home            https://x.box.test/\n',
    );
    expect(noteText({ ...facts, setupCode: undefined })).not.toMatch(/setup code/i);
    expect(noteText({ ...facts, addresses: [] })).toContain('none: it is not connected');
  });

  it('is copied with the time, and only when it is another one', async () => {
    put(paths.daemonNote, noteText(facts));
    await copyNote(paths, now);
    expect(text(paths.note)).toMatch(/Written by the box on 2026-11-23 08:00 UTC\.\n$/);
    await copyNote(paths, new Date(now.getTime() + 86_400_000));
    expect(text(paths.note)).toContain('2026-11-23');
    put(paths.daemonNote, noteText({ ...facts, setupCode: undefined }));
    await copyNote(paths, new Date(now.getTime() + 86_400_000));
    expect(text(paths.note)).toContain('2026-11-24');
    expect(text(paths.note)).not.toContain('7K4Q');
  });

  it.each([
    ['a link to what only root may read', (): void => symlinkSync('/etc/shadow', paths.daemonNote)],
    ['a folder', (): void => mkdirSync(paths.daemonNote)],
    ['without end', (): void => put(paths.daemonNote, 'a'.repeat(5000))],
    ['what a terminal obeys', (): void => put(paths.daemonNote, '\u001B[2J')],
    ['no text', (): void => put(paths.daemonNote, Buffer.from([0xc3, 0x28]))],
  ])('is not copied when it is %s', async (_, make) => {
    make();
    expect(await copyNote(paths, now)).toHaveLength(1);
    expect(existsSync(paths.note)).toBe(false);
  });

  it.each([
    '{',
    '[]',
    JSON.stringify({ id: 'x', done: true, words: 7 }),
    '{"id":"other","done":true,"words":"x"}',
  ])('of an outcome that nobody asked for takes nothing from the card: %s', async (outcome) => {
    put(paths.resetRequest, 'reset');
    await applyCard(paths);
    put(paths.daemonOutcome, outcome);
    await copyNote(paths, now);
    expect(existsSync(paths.resetRequest)).toBe(true);
    expect(existsSync(paths.outcome)).toBe(false);
  });
});
