import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../kit/runtime/errors.ts';
import { moveTo, privateFolder, readIfThere, syncFolder, writeAtomic } from '../../kit/store/files.ts';
import { stateBeforeFolder } from './folders.ts';

/**
 * What replaces the state, prepared completely in `<state>/.pending` before it counts. It is carried out at the next start,
 * before anything of the state is read, and can be carried out again from any point where it was cut off.
 */
const Order = Type.Object({
  action: Type.Enum(['restore', 'reset']),
  /** Folders that are replaced by those in `.pending/files`. */
  replaced: Type.Array(Type.String({ pattern: '^[^./\\u0000][^/\\u0000]*$' })),
  /** Folders that stay as they are; all others go. */
  kept: Type.Array(Type.String()),
});
export type Order = Static<typeof Order>;

const folderIn = (stateFolder: string): string => join(stateFolder, '.pending');

/**
 * Writes what is to come and has it checked where it lies; it counts from one rename on, and what was pending before is
 * forgotten. Throws `storage-failed` and what `check` throws, with nothing changed.
 */
export async function stage(
  stateFolder: string,
  order: Omit<Order, 'replaced'>,
  files: ReadonlyMap<string, Buffer>,
  check: (folder: string) => Promise<void> = async () => undefined,
): Promise<void> {
  const making = join(stateFolder, '.pending-making');
  await rm(making, { recursive: true, force: true });
  await privateFolder(join(making, 'files'));
  const made = new Set<string>();
  for (const [path, data] of files) {
    const target = join(making, 'files', path);
    await privateFolder(dirname(target));
    await writeAtomic(target, data);
    for (let inner = dirname(path); inner !== '.'; inner = dirname(inner)) made.add(inner);
  }
  await check(join(making, 'files'));
  for (const inner of ['', ...made]) await syncFolder(join(making, 'files', inner));
  const replaced = [...made].filter((inner) => !inner.includes('/'));
  await writeAtomic(join(making, 'order.json'), JSON.stringify({ ...order, replaced }));
  await rm(folderIn(stateFolder), { recursive: true, force: true });
  await moveTo(making, folderIn(stateFolder));
}

/**
 * Carries out what is pending and answers it; `undefined` when there is nothing. Whoever calls it has the lock of the state
 * folder. Names that begin with a dot and files in no folder are of the process, and stay.
 */
export async function carryOut(stateFolder: string): Promise<Order | undefined> {
  const folder = folderIn(stateFolder);
  const text = await readIfThere(join(folder, 'order.json'));
  await rm(join(stateFolder, '.pending-making'), { recursive: true, force: true });
  await rm(join(stateFolder, '.pending-done'), { recursive: true, force: true });
  if (text === undefined) return undefined;
  const order = orderIn(text, folder);
  // What is to be forgotten shall not come back with the release before.
  if (order.action === 'reset') await removeFolders(join(stateFolder, stateBeforeFolder), order.kept);
  await removeFolders(stateFolder, [...order.kept, ...order.replaced]);
  for (const name of order.replaced) {
    const source = join(folder, 'files', name);
    // One that is not here any more is in its place already.
    if (!existsSync(source)) continue;
    await rm(join(stateFolder, name), { recursive: true, force: true });
    await moveTo(source, join(stateFolder, name));
  }
  await syncFolder(stateFolder);
  await moveTo(folder, join(stateFolder, '.pending-done'));
  await rm(join(stateFolder, '.pending-done'), { recursive: true, force: true });
  return order;
}

async function removeFolders(root: string, staying: readonly string[]): Promise<void> {
  if (!existsSync(root)) return;
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.') || staying.includes(entry.name)) continue;
    await rm(join(root, entry.name), { recursive: true, force: true });
  }
  await syncFolder(root);
}

function orderIn(text: string, folder: string): Order {
  try {
    return Value.Parse(Order, JSON.parse(text));
  } catch (error) {
    const message = `${folder}/order.json is damaged; remove ${folder} to go on with what there is`;
    throw new Problem('storage-failed', message, { cause: error, retryable: false });
  }
}
