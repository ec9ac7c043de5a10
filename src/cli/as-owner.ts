import { stat } from 'node:fs/promises';
import { messageOf, Problem } from '../kit/runtime/errors.ts';

/**
 * Runs `action` with the rights of the folder's owner when it is root who asks: what it makes there is then the owner's,
 * who could not use root's files, and nothing the owner put there can lead root elsewhere. Throws `usage` when there is no
 * such folder.
 */
export async function asOwnerOf<T>(folder: string, action: () => Promise<T>): Promise<T> {
  const { uid, gid } = await stat(folder).catch((error: unknown) => {
    throw new Problem('usage', `there is no box in ${folder}: ${messageOf(error)}`, { cause: error });
  });
  const { getegid, geteuid, setegid, seteuid } = process;
  if (geteuid?.() !== 0 || uid === 0 || getegid === undefined) return action();
  const group = getegid();
  setegid?.(gid);
  seteuid?.(uid);
  try {
    return await action();
  } finally {
    seteuid?.(0);
    setegid?.(group);
  }
}
