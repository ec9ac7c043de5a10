import { closeSync, cpSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Problem } from '../../src/kit/runtime/errors.ts';

const pageBytes = 4096;

/**
 * Whatever page of a store is zeroed, all that is done with it either goes well or fails in words: `use` opens the store in a
 * folder, does everything, and closes it again; `file` is its path in there. `folder` is empty.
 */
export async function expectWordsForEachPageLost(
  folder: string,
  file: string,
  use: (where: string) => Promise<void>,
): Promise<void> {
  const whole = join(folder, 'whole');
  mkdirSync(whole);
  await use(whole);
  const pages = statSync(join(whole, file)).size / pageBytes;
  expect(pages).toBeGreaterThan(5);
  const said: string[] = [];
  for (let page = 0; page < pages; page++) {
    const damaged = join(folder, `page ${page}`);
    cpSync(whole, damaged, { recursive: true });
    const store = openSync(join(damaged, file), 'r+');
    writeSync(store, Buffer.alloc(pageBytes), 0, pageBytes, page * pageBytes);
    closeSync(store);
    const error = await use(damaged).catch((thrown: unknown) => thrown);
    if (error === undefined) continue;
    expect([page, error instanceof Problem ? 'a Problem' : error]).toEqual([page, 'a Problem']);
    said.push((error as Problem).code);
  }
  expect(said.length).toBeGreaterThan(3);
  expect(said.filter((code) => !['store-damaged', 'storage-failed'].includes(code))).toEqual([]);
}
