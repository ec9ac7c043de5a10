import { execFileSync, spawn } from '../../support/programs.ts';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/kit/store/database.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../../src/kit/store/files.ts';
import { lockFolder } from '../../../src/kit/store/lock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const source = (name: string): string => join(import.meta.dirname, '../../../src/kit/store', name);

/** A process that runs `script` as a module and is killed in the middle of it. */
function program(script: string): { firstLine: Promise<string>; kill: () => Promise<void> } {
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', process.execPath, '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const firstLine = new Promise<string>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(text.toString())),
  );
  return {
    firstLine,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('writeAtomic', () => {
  it('writes for the owner alone, replaces, and leaves nothing beside', async () => {
    const path = join(folder, 'plain', 'file');
    await privateFolder(join(folder, 'plain'));
    await privateFolder(join(folder, 'plain', 'a', 'b'));
    expect(statSync(join(folder, 'plain', 'a')).mode & 0o777).toBe(0o700);
    await writeAtomic(path, 'one');
    await writeAtomic(path, new Uint8Array([116, 119, 111]));
    expect(await readIfThere(path)).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'plain')).mode & 0o777).toBe(0o700);
    const umask = process.umask(0o077);
    await writeAtomic(path, 'public', 0o644).finally(() => process.umask(umask));
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(folder, 'plain'))).toEqual(['a', 'file']);
  });

  it('takes turns when a file is written several times at once: the last one stays', async () => {
    const path = join(folder, 'turns');
    const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
    await Promise.all(texts.map((text) => writeAtomic(path, text)));
    expect(readFileSync(path, 'utf8')).toBe(texts.at(-1));
  });

  it('goes on after a write that failed', async () => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    const outcomes = await Promise.allSettled([writeAtomic(path, 'a'), writeAtomic(path, 'b')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('leaves the old or the new when the process is killed, never half', async () => {
    const inside = join(folder, 'killed');
    mkdirSync(inside);
    const path = join(inside, 'file');
    const script = `
      import { writeAtomic } from ${JSON.stringify(source('files.ts'))};
      for (let round = 0; ; round++) {
        await writeAtomic(${JSON.stringify(path)}, (round % 2 ? 'a' : 'b').repeat(300_000));
        if (round === 0) console.log('begun');
      }`;
    for (let round = 0; round < 4; round++) {
      const writer = program(script);
      await writer.firstLine;
      await sleep(5 + 17 * round);
      await writer.kill();
      expect(readFileSync(path, 'utf8')).toMatch(/^(a{300000}|b{300000})$/);
    }
    await writeAtomic(path, 'after');
    expect(readdirSync(inside)).toEqual(['file']);
  });
});

describe('readIfThere', () => {
  it('is undefined only where there is no file', async () => {
    expect(await readIfThere(join(folder, 'missing'))).toBeUndefined();
    await expect(readIfThere(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

/** A tiny disk, or why there is none. */
function tinyDisk(): { path: string } | { reason: string } {
  const path = join(folder, 'disk');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'pipe' });
  } catch {
    process.stderr.write('SKIPPED: full and read-only disks, which need the right to mount; run as root\n');
    return { reason: 'may not mount' };
  }
  return { path };
}

const disk = tinyDisk();

describe.skipIf('reason' in disk)('a disk', () => {
  const path = 'path' in disk ? disk.path : '';
  afterAll(() => void execFileSync('umount', ['--lazy', path]));

  it('that is full is storage-full, says so, and leaves the old file', async () => {
    const file = join(path, 'file');
    await writeAtomic(file, 'old');
    await expect(writeAtomic(file, 'x'.repeat(200_000))).rejects.toMatchObject({
      code: 'storage-full',
      message: `cannot write ${file}: the disk is full: free some space`,
      details: { path: file, system: 'ENOSPC' },
    });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(path)).toEqual(['file']);
    writeFileSync(join(path, 'filler'), Buffer.alloc(56_000));
    expect(() => openDatabase(join(path, 'store.db'), ['CREATE TABLE t (n)'])).toThrow(
      expect.objectContaining({
        code: 'storage-full',
        message: expect.stringContaining('full') as string,
      }) as Error,
    );
  });

  it('that is read-only is storage-read-only and says so, for files, folders and stores, and needs no lock', async () => {
    execFileSync('mount', ['-o', 'remount,ro', path]);
    const readOnly = /read-only|cannot be opened/;
    await expect(writeAtomic(join(path, 'file'), 'new')).rejects.toThrow(readOnly);
    await expect(privateFolder(join(path, 'folder'))).rejects.toThrow(readOnly);
    expect(() => openDatabase(join(path, 'new.db'), [])).toThrow(readOnly);
    // Nobody can change anything there, and the box starts and serves what it can.
    lockFolder(path).release();
    lockFolder(path).release();
  });
});

describe('lockFolder', () => {
  it('refuses a second holder in this process, and forgets the first when it lets go', () => {
    const inside = join(folder, 'lock');
    mkdirSync(inside);
    const lock = lockFolder(inside);
    expect(() => lockFolder(inside)).toThrow(
      expect.objectContaining({
        code: 'state-in-use',
        retryable: false,
        details: { folder: inside },
      }) as Error,
    );
    lock.release();
    lockFolder(inside).release();
  });

  it('refuses a second process, and is given back when the holder is killed', async () => {
    const inside = join(folder, 'lock-process');
    mkdirSync(inside);
    const holder = program(`
      import { lockFolder } from ${JSON.stringify(source('lock.ts'))};
      globalThis.held = lockFolder(${JSON.stringify(inside)});
      console.log('locked');
      setInterval(() => {}, 1000);`);
    await holder.firstLine;
    expect(() => lockFolder(inside)).toThrow(/another process uses/);
    await holder.kill();
    lockFolder(inside).release();
  });

  it('says what is wrong with a folder that is not there', () => {
    expect(() => lockFolder(join(folder, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'storage-failed' }) as Error,
    );
  });
});

describe('openDatabase', () => {
  const migrations = [
    'CREATE TABLE t (n INTEGER PRIMARY KEY)',
    'ALTER TABLE t ADD COLUMN s TEXT; INSERT INTO t VALUES (1, "x")',
  ];

  it('brings a store of any earlier version up to date, once', () => {
    const path = join(folder, 'migrated.db');
    openDatabase(path, migrations.slice(0, 1)).close();
    for (const _ of [1, 2]) {
      const database = openDatabase(
        path,
        migrations.map((sql) => sql.replaceAll('"', "'")),
      );
      expect(database.prepare('SELECT n, s FROM t').all()).toEqual([{ n: 1, s: 'x' }]);
      database.close();
    }
  });

  it('keeps the old version whole when a migration fails', () => {
    const path = join(folder, 'failed.db');
    openDatabase(path, migrations.slice(0, 1)).close();
    const broken = [...migrations.slice(0, 1), 'ALTER TABLE t ADD COLUMN s TEXT; THIS IS NOT SQL'];
    expect(() => openDatabase(path, broken)).toThrow(
      expect.objectContaining({ code: 'storage-failed' }) as Error,
    );
    const database = openDatabase(path, migrations.slice(0, 1));
    expect(database.prepare('SELECT * FROM t').all()).toEqual([]);
    expect(() => database.prepare('SELECT s FROM t')).toThrow('no such column');
    database.close();
  });

  it('refuses a store of a newer program, and a file that is no store', () => {
    const path = join(folder, 'newer.db');
    openDatabase(path, ['CREATE TABLE t (n)', 'CREATE TABLE u (n)']).close();
    expect(() => openDatabase(path, ['CREATE TABLE t (n)'])).toThrow(
      expect.objectContaining({ code: 'store-too-new', retryable: false }) as Error,
    );
    const other = join(folder, 'other.db');
    writeFileSync(other, 'this is no store, and long enough to be seen as none '.repeat(100));
    expect(() => openDatabase(other, [])).toThrow(/is damaged \(file is not a database\)\. Restore it/);
  });

  it('has on the disk what it has answered, when the process is killed at any time', async () => {
    const path = join(folder, 'durable.db');
    const answers = join(folder, 'durable.txt');
    const writer = program(`
      import { appendFileSync } from 'node:fs';
      import { openDatabase } from ${JSON.stringify(source('database.ts'))};
      const database = openDatabase(${JSON.stringify(path)}, ['CREATE TABLE t (n)']);
      const insert = database.prepare('INSERT INTO t VALUES (?)');
      for (let n = 1; ; n++) {
        insert.run(n);
        appendFileSync(${JSON.stringify(answers)}, n + '\\n');
        if (n === 5) console.log('begun');
      }`);
    await writer.firstLine;
    await writer.kill();
    const answered = Number(readFileSync(answers, 'utf8').trimEnd().split('\n').at(-1));
    const database = openDatabase(path, ['CREATE TABLE t (n)']);
    const stored = Number(database.prepare('SELECT max(n) AS n FROM t').get()?.['n']);
    database.close();
    expect(answered).toBeGreaterThanOrEqual(5);
    expect(stored).toBeGreaterThanOrEqual(answered);
  });
});
