import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { syncFolder } from '../../kit/store/files.ts';

const run = promisify(execFile);

/**
 * Runs `action` with the card writable, and makes it read-only again, also after a failure: a card that nobody writes to
 * survives the plug being pulled. A folder that is no mount point of its own is written to as it is.
 */
export async function withWritableCard<T>(card: string, action: () => Promise<T>): Promise<T> {
  if (!(await isReadOnlyMount(card))) return action();
  await remount(card, 'rw');
  try {
    return await action();
  } finally {
    await remount(card, 'ro');
  }
}

async function remount(card: string, how: 'rw' | 'ro'): Promise<void> {
  await run('mount', ['-o', `remount,${how}`, card], { timeout: 30_000 });
}

/** As the kernel says it (proc_pid_mountinfo(5)): the fifth field is the place, the sixth the options. */
async function isReadOnlyMount(card: string): Promise<boolean> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const last = lines.map((line) => line.split(' ')).findLast((fields) => fields[4] === card);
  return last?.[5]?.split(',').includes('ro') === true;
}

/**
 * The content of a regular file of at most `most` bytes; `undefined` when there is none. A link is followed by nobody.
 * Throws `file-refused` for anything else.
 */
export async function readPlainFile(path: string, most: number): Promise<Buffer | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw refused(path, 'cannot be opened', error);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refused(path, 'is no file');
    if (stat.size > most) throw refused(path, `is larger than ${most} bytes`);
    const content = Buffer.alloc(most + 1);
    const { bytesRead } = await file.read(content, 0, most + 1, 0);
    if (bytesRead > most) throw refused(path, `is larger than ${most} bytes`);
    return content.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function refused(path: string, what: string, cause?: unknown): Problem {
  return new Problem('file-refused', `${path} ${what}`, { cause, retryable: false });
}

/**
 * Replaces a file on the card, which knows neither modes nor owners. The new content is on the card before the old one goes,
 * so that a card that is pulled has one of the two; what a cut left behind (`….new`) is overwritten by the next write.
 */
export async function writeToCard(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Removes files from the card. */
export async function removeFromCard(...paths: readonly string[]): Promise<void> {
  for (const path of paths.flatMap((path) => [path, `${path}.new`])) await rm(path, { force: true });
  for (const folder of new Set(paths.map(dirname))) await syncFolder(folder);
}

/** Without what `plainText` refuses, which names may hold: the joints of emoji, directions of writing. */
export function plain(text: string): string {
  return text.replaceAll(/[^\n\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]/gu, '');
}

/** The text of bytes that somebody else wrote: printable characters and line feeds alone, else `undefined`. */
export function plainText(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return plain(text) === text ? text : undefined;
  } catch {
    return undefined;
  }
}
