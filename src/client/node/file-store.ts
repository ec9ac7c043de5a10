import { dirname } from 'node:path';
import { Problem } from '../../kit/errors.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/files.ts';
import type { Store } from '../store.ts';

/** A store in one file that its person alone can read. Calls throw `store-damaged` and `storage-failed`. */
export function fileStore(file: string): Store {
  let last: Promise<void> = Promise.resolve();
  /** Changes take turns. */
  const change = (apply: (texts: Map<string, string>) => unknown): Promise<void> => {
    const run = async (): Promise<void> => {
      const texts = await textsIn(file);
      apply(texts);
      await privateFolder(dirname(file));
      await writeAtomic(file, `${JSON.stringify(Object.fromEntries(texts), null, 2)}\n`);
    };
    last = last.then(run, run);
    return last;
  };
  return {
    load: async (key) => (await textsIn(file)).get(key),
    save: (key, text) => change((texts) => texts.set(key, text)),
    remove: (key) => change((texts) => texts.delete(key)),
    keys: async () => [...(await textsIn(file)).keys()],
  };
}

async function textsIn(file: string): Promise<Map<string, string>> {
  const text = await readIfThere(file);
  if (text === undefined) return new Map();
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
      return new Map(entries);
  } catch {
    // Said below.
  }
  throw new Problem(
    'store-damaged',
    `${file} is damaged: restore it, or remove it to ask to be let in anew`,
    { retryable: false, details: { file } },
  );
}
