import { existsSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Problem } from '../runtime/errors.ts';

/** Longer than this no start waits: what is not found by then is found when it is read. */
const mostMs = 10_000;

/**
 * Looks over a SQLite store whose last user did not close it (its log is still there), before it is opened: SQLite itself
 * notices damage only where it reads. In a thread of its own, because a check cannot be interrupted. Throws
 * `store-damaged`; answers whether it was looked at to the end.
 */
export async function checkAfterUncleanEnd(path: string, limitMs = mostMs): Promise<boolean> {
  if (!existsSync(`${path}-wal`) || !existsSync(path) || statSync(path).size === 0) return true;
  const worker = new Worker(program, { eval: true, workerData: path });
  try {
    const found = await new Promise<string | undefined>((resolve) => {
      const late = setTimeout(() => resolve(undefined), limitMs);
      const answered = (text: string | undefined): void => {
        clearTimeout(late);
        resolve(text);
      };
      worker.once('message', answered);
      // What it cannot even open is told, in more words, when the store is opened.
      worker.once('error', () => answered('ok'));
    });
    if (found === undefined) return false;
    if (found !== 'ok') throw damagedStore(path, found);
    return true;
  } finally {
    await worker.terminate();
  }
}

/** Reads alone, so that a store on a full or read-only disk can be looked at as well. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync(workerData, { readOnly: true });
let found;
try {
  found = database.prepare('PRAGMA integrity_check(3)').all().map((row) => row.integrity_check).join('; ');
} catch (error) {
  if ((error.errcode & 0xff) !== 11 && (error.errcode & 0xff) !== 26) throw error;
  found = error.message;
}
database.close();
parentPort.postMessage(found);
`;

/** The problem of a store that is there and cannot be trusted. */
export function damagedStore(path: string, why: string, cause?: unknown): Problem {
  return new Problem(
    'store-damaged',
    `${path} is damaged (${why}). Restore it from a backup; or, if a new beginning is meant, move it away and say so: ` +
      'porchlight reset --yes on a box',
    { retryable: false, details: { path }, cause },
  );
}
