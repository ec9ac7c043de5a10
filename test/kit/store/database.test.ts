import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/kit/store/database.ts';
import { lockFolder } from '../../../src/kit/store/lock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const modes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
  );
const migrations = ['CREATE TABLE t (x)'];

describe('the files of a store', () => {
  it('are for their owner alone, those beside it too, whatever the umask and the folder say', () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const before = process.umask(0);
    try {
      const database = openDatabase(join(folder, 'a.sqlite'), migrations);
      database.exec('INSERT INTO t VALUES (1)');
      const lock = lockFolder(folder);
      expect(modes(folder)).toEqual({
        '.lock': '600',
        'a.sqlite': '600',
        'a.sqlite-shm': '600',
        'a.sqlite-wal': '600',
      });
      lock.release();
      database.close();
    } finally {
      process.umask(before);
    }
  });

  it('of an earlier version are closed to others when they are opened', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.sqlite');
    openDatabase(path, migrations).close();
    for (const end of ['', '-wal', '-shm']) {
      if (end !== '') writeFileSync(path + end, '');
      chmodSync(path + end, 0o644);
    }
    const database = openDatabase(path, migrations);
    database.exec('INSERT INTO t VALUES (1)');
    expect(new Set(Object.values(modes(folder)))).toEqual(new Set(['600']));
    database.close();
  });

  it('keep their lock when the same process opens them again', () => {
    const folder = temporaryFolder();
    const { release } = lockFolder(folder);
    for (const _again of [1, 2]) expect(() => lockFolder(folder)).toThrow('another process uses');
    release();
  });
});
