import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../kit/runtime/errors.ts';
import { privateFolder, readIfThere, syncFolder, writeAtomic } from '../../kit/store/files.ts';
import type { Store } from '../store.ts';

const ending = '.json';

/** A store for several processes of one person: a file for each key, readable by its owner alone, on the disk when a call returns. */
export function folderStore(folder: string): Store {
  const path = (key: string): string => join(folder, encodeURIComponent(key) + ending);
  return {
    load: (key) => readIfThere(path(key)),
    save: async (key, text) => {
      await privateFolder(folder);
      await writeAtomic(path(key), text);
    },
    remove: async (key) => {
      await privateFolder(folder);
      await rm(path(key), { force: true });
      await syncFolder(folder);
    },
    keys: async () => {
      const names = await namesIn(folder);
      return names
        .filter((name) => name.endsWith(ending))
        .map((name) => decodeURIComponent(name.slice(0, -ending.length)));
    },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
