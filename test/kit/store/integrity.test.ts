import { spawnSync } from '../../support/programs.ts';
import { mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/kit/store/database.ts';
import { checkAfterUncleanEnd } from '../../../src/kit/store/integrity.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

/** A store of a process that was killed: its log is there. */
function killed(): string {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  const path = join(folder, 'store.sqlite');
  const code = `
    const { DatabaseSync } = require('node:sqlite');
    const store = new DatabaseSync(${JSON.stringify(path)});
    store.exec('PRAGMA journal_mode = WAL; CREATE TABLE word (text TEXT UNIQUE); PRAGMA user_version = 1');
    store.exec('BEGIN');
    for (let n = 0; n < 2000; n++) store.prepare('INSERT INTO word VALUES (?)').run('word ' + n);
    store.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    store.prepare('INSERT INTO word VALUES (?)').run('last');
    process.kill(process.pid, 'SIGKILL');
  `;
  spawnSync(process.execPath, ['-e', code]);
  return path;
}

function damage(path: string): void {
  const file = openSync(path, 'r+');
  // Pages in the middle: a table's and its index's.
  for (let at = 3; at * 4096 < statSync(path).size; at += 2)
    writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, at * 4096);
}

describe('a store that nobody closed', () => {
  it('is looked over before it is used, and is whole after a kill', async () => {
    const path = killed();
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    expect(await checkAfterUncleanEnd(path)).toBe(true);
    const store = openDatabase(path, ['']);
    expect(store.prepare('SELECT count(*) AS n FROM word').get()).toEqual({ n: 2001 });
    store.close();
  });

  it('is refused when a page of it is damaged, which opening it does not notice', async () => {
    const path = killed();
    damage(path);
    new DatabaseSync(path).close();
    const again = killed();
    damage(again);
    await expect(checkAfterUncleanEnd(again)).rejects.toMatchObject({
      code: 'store-damaged',
      message: expect.stringMatching(/is damaged \(.*Restore it from a backup/s) as string,
    });
  });

  it('keeps no start waiting for longer than is said', async () => {
    expect(await checkAfterUncleanEnd(killed(), 0)).toBe(false);
  });

  it('is damaged when it is no store at all', () => {
    const path = join(root, 'no-store');
    writeFileSync(path, 'x'.repeat(5000));
    expect(() => openDatabase(path, [''])).toThrow(
      expect.objectContaining({ code: 'store-damaged' }) as Error,
    );
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(5000));
  });
});
