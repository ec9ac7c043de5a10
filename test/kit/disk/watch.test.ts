import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seconds } from '../../../src/kit/runtime/clock.ts';
import { openDatabase, storing } from '../../../src/kit/store/database.ts';
import { privateFolder, writeAtomic } from '../../../src/kit/store/files.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { Markers } from '../../../src/kit/store/markers.ts';
import { Reconciler } from '../../../src/kit/runtime/reconcile.ts';
import { storageFailed } from '../../../src/kit/disk/failures.ts';
import { StorageWatch } from '../../../src/kit/disk/watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { tinyDisk } from '../../support/tiny-disk.ts';

const folder = temporaryFolder();
const disk = join(folder, 'disk');
const mounted = tinyDisk(disk, '1m');

const failing = (): unknown =>
  storageFailed(join(disk, 'file'), Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));

interface Lab {
  clock: FakeClock;
  health: Health;
  lines: string[];
  watch: StorageWatch;
  /** The conditions, as one line. */
  said: () => string;
}

let lab: Lab;

/** Time goes on until this is said: a look is under way for as long as the disk takes, whatever the clock says. */
async function until(text: string): Promise<void> {
  await expect.poll(async () => (await lab.clock.advance(seconds(1)), lab.said())).toBe(text);
}

beforeEach(async () => {
  const clock = new FakeClock();
  const health = new Health(clock);
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
  const watch = new StorageWatch({ folders: [disk], health, log, clock, random: () => 0.5 });
  await watch.start();
  const said = (): string =>
    health.conditions.value.map(({ name, severity, code }) => `${name} ${severity} ${code}`).join();
  lab = { clock, health, lines, watch, said };
});

afterEach(() => lab.watch.stop());

describe.skipIf(mounted === undefined)('a disk', () => {
  afterAll(() => mounted?.unmount());

  it('that becomes full is one condition and one line, however much fails, until there is room again', async () => {
    const { clock, health, lines, said } = lab;
    const path = join(disk, 'store.sqlite');
    const database = openDatabase(path, ['CREATE TABLE word (text TEXT) STRICT']);
    const add = (): void =>
      storing(path, () => void database.prepare('INSERT INTO word VALUES (?)').run('x'.repeat(5000)));
    mounted?.fill(true);
    await expect(writeAtomic(join(disk, 'settings.json'), '{}')).rejects.toMatchObject({ status: 507 });
    expect(said()).toBe('storage error storage-full');
    const since = clock.now();
    expect(health.conditions.value[0]).toMatchObject({
      since,
      remedy: expect.stringContaining('free') as string,
    });
    for (let count = 0; count < 50; count++) {
      await expect(writeAtomic(join(disk, 'settings.json'), '{}')).rejects.toMatchObject({
        code: 'storage-full',
      });
      await expect(privateFolder(join(disk, 'folder'))).resolves.toBeUndefined();
      expect(() => new Markers(disk).set('marker', 'x'.repeat(3000))).toThrow('full');
      expect(add).toThrow('full');
      await clock.advance(seconds(1));
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"code":"storage-full"');
    expect(lines[0]).not.toContain('stack');
    expect(health.conditions.value[0]?.since).toBe(since);
    mounted?.fill(false);
    await until('');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/changes are saved again, after \d+ s/);
    add();
    database.close();
    expect(existsSync(join(disk, '.writable.tmp'))).toBe(false);
  });

  it('that is full or read-only is seen without any write', async () => {
    const { watch } = lab;
    mounted?.fill(true);
    await until('storage error storage-full');
    mounted?.remount('ro');
    await until('storage error storage-read-only');
    expect(watch.fault.value).toBe('storage-read-only');
    mounted?.remount('rw');
    mounted?.fill(false);
    await until('');
    expect(lab.lines).toHaveLength(2);
  });

  it('that answers with errors is well again only when nothing has failed for half a minute', async () => {
    const { clock, said, lines } = lab;
    expect(failing()).toMatchObject({ status: 503, code: 'storage-failed' });
    expect(said()).toBe('storage error storage-failed');
    await clock.advance(seconds(20));
    failing();
    await clock.advance(seconds(20));
    expect(said()).toBe('storage error storage-failed');
    await until('');
    expect(lines).toHaveLength(2);
  });

  it('is asked for a store itself, where a file beside it could be written', async () => {
    const { clock, said } = lab;
    let works = false;
    const tryAgain = (): void => {
      if (!works)
        throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
    };
    const error = Object.assign(new Error('full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
    storageFailed(join(disk, 'store.sqlite'), error, { verb: 'use', tryAgain });
    await clock.advance(seconds(20));
    expect(said()).toBe('storage error storage-full');
    works = true;
    await until('');
  });

  it('is tried again every ten seconds by a part that has something to save, without a line each', async () => {
    const { clock, lines, said } = lab;
    let rounds = 0;
    let saved = 0;
    const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
    const part = new Reconciler({
      name: 'part',
      watch: [],
      clock,
      random: () => 0,
      log,
      reconcile: async () => {
        rounds++;
        await writeAtomic(join(disk, 'part.json'), 'x'.repeat(100));
        saved++;
        return undefined;
      },
    });
    mounted?.fill(true);
    await part.start();
    await expect.poll(() => said()).toBe('storage error storage-full');
    // A round waits for the disk, which no clock moves.
    const later = async (): Promise<number> => {
      await clock.advance(seconds(2));
      return rounds;
    };
    await expect.poll(later, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(12);
    expect(lines).toHaveLength(1);
    mounted?.fill(false);
    const ended = async (): Promise<number> => {
      await clock.advance(seconds(2));
      return saved;
    };
    await expect.poll(ended, { timeout: 20_000, interval: 5 }).toBe(1);
    await part.stop();
  });
});

it('minds nothing that happens elsewhere, and no write that was wrong in itself', async () => {
  const { said, lines } = lab;
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
  storageFailed(join(folder, 'disk-of-another', 'file'), full);
  const wrong = Object.assign(new Error('UNIQUE constraint failed'), {
    code: 'ERR_SQLITE_ERROR',
    errcode: 19,
  });
  storageFailed(join(disk, 'store.sqlite'), wrong);
  await expect(writeAtomic(join(disk, 'nowhere', 'file'), '')).rejects.toMatchObject({
    code: 'storage-failed',
  });
  expect(said()).toBe('');
  expect(lines).toEqual([]);
});
