import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/kit/store/database.ts';
import { damageOfLog } from '../../../src/kit/store/store-log.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** A store as a killed process leaves it: eight names, each a commit in the log, which was started over once. */
function killed(): string {
  const folder = temporaryFolder();
  const from = join(folder, 'living.sqlite');
  const database = openDatabase(from, ['CREATE TABLE name (id INTEGER PRIMARY KEY, name TEXT) STRICT']);
  for (let id = 0; id < 8; id++) database.exec(`INSERT INTO name VALUES (${id}, '${'x'.repeat(300)}')`);
  database.exec('PRAGMA wal_checkpoint(RESTART)');
  database.exec('UPDATE name SET name = name');
  for (let id = 8; id < 12; id++) database.exec(`INSERT INTO name VALUES (${id}, '${'x'.repeat(300)}')`);
  const path = join(folder, 'killed.sqlite');
  for (const end of ['', '-wal']) copyFileSync(`${from}${end}`, `${path}${end}`);
  database.close();
  return path;
}

const rows = (path: string): number => {
  const database = new DatabaseSync(path);
  const count = Number(database.prepare('SELECT count(*) AS count FROM name').get()?.['count']);
  database.close();
  return count;
};

describe('the log of a store', () => {
  it('is taken as a killed process left it, with what an earlier round left behind', () => {
    const path = killed();
    expect(damageOfLog(`${path}-wal`)).toBeUndefined();
    openDatabase(path, ['']).close();
    expect(rows(path)).toBe(12);
  });

  it('is taken at whatever length a power cut left it', () => {
    const path = killed();
    const whole = readFileSync(`${path}-wal`);
    for (let length = 0; length < whole.length; length += 97) {
      writeFileSync(`${path}-wal`, whole.subarray(0, length));
      expect([length, damageOfLog(`${path}-wal`)]).toEqual([length, undefined]);
    }
  });

  it('is refused where a flipped bit would drop changes behind it, which SQLite alone does without a word', () => {
    const path = killed();
    const whole = readFileSync(`${path}-wal`);
    const [, page] = [whole.readUInt32BE(0), whole.readUInt32BE(8)];
    // In the third change from the end of this round: frames of it have the salts of the head.
    const frames = Array.from(
      { length: Math.floor((whole.length - 32) / (24 + page)) },
      (_, index) => 32 + index * (24 + page),
    );
    const ours = frames.filter((at) => whole.subarray(at + 8, at + 16).equals(whole.subarray(16, 24)));
    const flipped = Buffer.from(whole);
    const at = (ours.at(-4) ?? 0) + 24 + 100;
    flipped[at] = (flipped[at] ?? 0) ^ 4;
    writeFileSync(`${path}-wal`, flipped);
    expect(() => openDatabase(path, [''])).toThrow(/is damaged \(a change in its log is wrong/);
    expect(rows(path)).toBeLessThan(12);
  });

  it('is refused for any bit of its head', () => {
    const path = killed();
    const whole = readFileSync(`${path}-wal`);
    for (let bit = 0; bit < 256; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(`${path}-wal`, flipped);
      expect([bit, damageOfLog(`${path}-wal`)]).toEqual([bit, 'the head of its log is wrong']);
    }
  });
});
