import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { boxNote } from '../../../src/box/audit-notes.ts';
import { RunMemory } from '../../../src/box/run/run-memory.ts';
import { temporaryFolder } from '../../support/folder.ts';

const boxId = 'b'.repeat(51) + 'a';
const never = (error: unknown): void => expect.unreachable(String(error));
const note = (): ReturnType<typeof boxNote> => boxNote('identity-copied', 'first', 1000);

it('each run knows the one before it, and no two are the same', async () => {
  const folder = temporaryFolder();
  const first = await RunMemory.begin(folder, boxId, never);
  const second = await RunMemory.begin(folder, boxId, never);
  expect(first.run.before).toBeUndefined();
  expect(second.run.before).toBe(first.run.id);
  expect(second.run.id).not.toBe(first.run.id);
});

it('the audit log is told once for each change, also across runs', async () => {
  const folder = temporaryFolder();
  const first = await RunMemory.begin(folder, boxId, never);
  await first.tell('first', note);
  await first.tell('first', note);
  const second = await RunMemory.begin(folder, boxId, never);
  await second.tell('first', note);
  expect(second.notes).toHaveLength(1);
  await second.tell('alone', note);
  await second.tell('copy', note);
  expect(second.notes).toHaveLength(2);
});

it('what another box left in the folder, which was reset, means nothing', async () => {
  const folder = temporaryFolder();
  const before = await RunMemory.begin(folder, boxId, never);
  await before.tell('copy', note);
  const reset = await RunMemory.begin(folder, 'c'.repeat(51) + 'a', never);
  expect(reset.run.before).toBeUndefined();
  expect(reset.notes).toEqual([]);
});

it.each(['', '{', '{"run":"x"}', 'null'])('a damaged file (%j) is as none', async (text) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'run.json'), text);
  const { run } = await RunMemory.begin(folder, boxId, () => undefined);
  expect(run.before).toBeUndefined();
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toContain(run.id);
});

it('a folder that takes no writes is no reason not to begin', async () => {
  const folder = join(temporaryFolder(), 'not-there');
  const failures: unknown[] = [];
  const { run } = await RunMemory.begin(folder, boxId, (error) => failures.push(error));
  expect(run.id).toMatch(/^[0-9a-f]{32}$/);
  expect(failures).toHaveLength(1);
});
