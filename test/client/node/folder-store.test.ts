import { readdirSync, statSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { folderStore } from '../../../src/client/node/folder-store.ts';
import { nodeRuntime } from '../../../src/client/node/node-runtime.ts';
import type { Runtime } from '../../../src/client/runtime.ts';
import { temporaryFolder } from '../../support/folder.ts';

it('keeps each text in a file of its owner’s, whatever the key', async () => {
  const folder = `${temporaryFolder()}/below`;
  const store = folderStore(folder);
  expect([await store.keys(), await store.load('box:a')]).toEqual([[], undefined]);
  const keys = ['box:a', '../out', 'a/b', '.hidden', 'x%3Ay'];
  for (const key of keys) await store.save(key, `text of ${key}`);
  expect((await folderStore(folder).keys()).toSorted()).toEqual(keys.toSorted());
  for (const key of keys) expect(await store.load(key)).toBe(`text of ${key}`);
  for (const name of readdirSync(folder)) expect(statSync(`${folder}/${name}`).mode & 0o777).toBe(0o600);
  await store.remove('../out');
  await store.remove('never there');
  expect(await store.load('../out')).toBeUndefined();
});

it('lets one after the other do what is not to be done at once, and each name by itself', async () => {
  const locks = temporaryFolder();
  const open = (): Runtime['exclusive'] => {
    const { exclusive, close } = nodeRuntime({ locks });
    onTestFinished(close);
    if (exclusive === undefined) throw new Error('nothing takes turns');
    return exclusive;
  };
  const [one, other] = [open(), open()];
  let inside = 0;
  const work = async (): Promise<number> => {
    inside += 1;
    const now = inside;
    await new Promise((resolve) => setTimeout(resolve, 30));
    inside -= 1;
    return now;
  };
  const turns = [one, other, one, other].map((exclusive) => exclusive('box:a', work));
  expect(await Promise.all(turns)).toEqual([1, 1, 1, 1]);
  const fails = one('box:a', async () => Promise.reject(new Error('no')));
  await expect(fails).rejects.toThrow('no');
  const nested = other('box:a', async () => one('tokens:a', async () => 'in'));
  expect(await nested).toBe('in');
});
