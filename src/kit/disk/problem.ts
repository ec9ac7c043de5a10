import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, messageOf, Problem, type ProblemOptions } from '../runtime/errors.ts';
import { isReadOnly, nearestFolder } from './place.ts';

/** Why a disk does not take a write. Codes of errors and of the condition `storage`. */
export const storageFaults = ['storage-full', 'storage-read-only', 'storage-failed'] as const;
export type StorageFault = (typeof storageFaults)[number];

/** RFC 4918, 11.5: there is no room for it. RFC 9110, 15.6.4: not now. */
const statuses: Record<StorageFault, number> = {
  'storage-full': 507,
  'storage-read-only': 503,
  'storage-failed': 503,
};

/** A write, or a read, that this machine's own disk did not take; whoever asks another machine gets a plain `Problem`. */
export class StorageProblem extends Problem {
  readonly fault: StorageFault;

  constructor(fault: StorageFault, message: string, options: Omit<ProblemOptions, 'status'> = {}) {
    super(fault, message, { ...options, status: statuses[fault] });
    this.fault = fault;
  }
}

/** Less room than this is none: SQLite writes whole pages, and a log of them. */
export const leastRoomBytes = 65_536;

/** What is wrong, in words, and what to do about it. */
interface Reason {
  fault: StorageFault;
  what: string;
  remedy: string;
}

const full: Reason = {
  fault: 'storage-full',
  what: 'the disk is full',
  remedy: 'free some space',
};
const readOnly: Reason = {
  fault: 'storage-read-only',
  what: 'the file system is read-only',
  remedy: 'check the card and mount it writable',
};
const failing = (what: string, remedy: string): Reason => ({ fault: 'storage-failed', what, remedy });
const worn = failing('the disk answers with errors', 'replace the card');
const notAllowed = failing('no permission', 'check who owns the folder');

const systemReasons: Record<string, Reason> = {
  ENOSPC: full,
  EDQUOT: { ...full, what: 'the quota is used up' },
  EROFS: readOnly,
  EACCES: notAllowed,
  EPERM: notAllowed,
  EIO: worn,
};

const restore = 'restore it from a backup, or move it away to start over';

/** SQLite's primary result codes (sqlite.org/rescode.html) that are about the disk. */
const sqliteReasons: Record<number, Reason> = {
  5: failing('another program holds the file', 'end that program'),
  8: { ...readOnly, what: 'the file or its file system is read-only' },
  10: worn,
  11: failing('the file is damaged', restore),
  13: full,
  14: failing('the file cannot be opened', 'check that the folder is there and who owns it'),
  26: failing('the file is not a store', restore),
};

function reasonOf(error: unknown): Reason | undefined {
  const sqlite = sqliteCode(error);
  // Extended codes carry the primary one in the low byte.
  return sqlite === undefined ? systemReasons[codeOf(error)] : sqliteReasons[sqlite & 0xff];
}

/** Whether it is the disk that did not take it, and not the write that was wrong. */
export const isOfDisk = (error: unknown): boolean => reasonOf(error) !== undefined;

function sqliteCode(error: unknown): number | undefined {
  return codeOf(error) === 'ERR_SQLITE_ERROR' ? ((error as { errcode?: number }).errcode ?? 0) : undefined;
}

/** Some errors do not say that there is no room: SQLite calls it an error of the disk when a file beside the store cannot grow. */
function looked(path: string, reason: Reason): Reason {
  return reason === worn || reason === sqliteReasons[14] ? (reasonAt(path) ?? reason) : reason;
}

/** What is wrong with the disk below `path`, as far as it can be seen without a write. */
export function reasonAt(path: string): Reason | undefined {
  try {
    const folder = nearestFolder(path);
    if (isReadOnly(folder)) return readOnly;
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < leastRoomBytes ? full : undefined;
  } catch {
    return undefined;
  }
}

/** What the file system or SQLite threw at `path`, as the problem that it is. `verb`: what was tried. */
export function storageProblem(
  path: string,
  error: unknown,
  verb: 'write' | 'use' = 'write',
): StorageProblem {
  if (error instanceof StorageProblem) return error;
  const reason = reasonOf(error) ?? failing(messageOf(error), 'see the log');
  const { fault, what, remedy } = looked(dirname(path), reason);
  const sqlite = sqliteCode(error);
  const system = sqlite === undefined ? codeOf(error) : `SQLITE_${sqlite}`;
  return new StorageProblem(fault, `cannot ${verb} ${path}: ${what}: ${remedy}`, {
    cause: error,
    details: { path, system, what, remedy },
  });
}

const outside: Record<StorageFault, string> = {
  'storage-full':
    'this cannot be saved, because the disk is full; what is stored can be read, and saving works again once there is space',
  'storage-read-only':
    'this cannot be saved, because the disk takes no changes; what is stored can be read, and saving works again once it does',
  'storage-failed': 'this cannot be saved, because the disk does not work as it should; try again later',
};

/** For callers, who may be strangers: what is wrong, but not where our files lie, which the log and the condition say. */
export function toldOutside(problem: StorageProblem): StorageProblem {
  if (problem.details['path'] === undefined) return problem;
  return new StorageProblem(problem.fault, outside[problem.fault], { cause: problem, retryAfterSeconds: 30 });
}
