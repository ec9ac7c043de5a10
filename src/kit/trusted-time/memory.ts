import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { checkedJson, readCheckedJson } from '../store/checked-json.ts';
import { readIfThere, writeAtomic } from '../store/files.ts';

const Doubt = { id: Type.String(), since: Type.Number() };

const Kept = Type.Object({
  time: Type.Number(),
  uptime: Type.Number(),
  boot: Type.Optional(Type.String()),
  clean: Type.Boolean(),
  voucher: Type.Optional(Type.Enum(['time-server', 'server', 'itself'])),
  doubt: Type.Optional(Type.Object(Doubt)),
  corrections: Type.Array(Type.Object({ ...Doubt, until: Type.Number(), step: Type.Number() })),
});
/** What is known of the time, as it is written down; the last corrections with it, for stores that have not seen them. */
export type Kept = Static<typeof Kept>;

/** In the state folder itself: it is this machine's, and goes with no backup. */
const clockFile = 'clock.json';

/** What was written last; `undefined` when there is nothing, or it is damaged: then the state's own age has to do. */
export async function readKept(folder: string): Promise<Kept | undefined> {
  const text = await readIfThere(join(folder, clockFile));
  if (text === undefined) return undefined;
  try {
    return Value.Parse(Kept, readCheckedJson(text));
  } catch {
    return undefined;
  }
}

/** Durable when it resolves. Throws `storage-failed`. */
export async function writeKept(folder: string, kept: Kept): Promise<void> {
  await writeAtomic(join(folder, clockFile), checkedJson(kept));
}

/** When a store in `folder` was written last, ms since the epoch; `undefined` when there is nothing. */
export async function newestIn(folder: string): Promise<number | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.includes('.sqlite'));
  const times = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return times.length === 0 ? undefined : Math.max(...times);
}
