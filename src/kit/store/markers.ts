import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../runtime/errors.ts';
import { storageFailed } from '../disk/failures.ts';
import { StorageProblem } from '../disk/problem.ts';

/** Below the state folder, apart from everything that it speaks of. */
export const markersFolder = 'known';

/**
 * That a store was there once, remembered outside of it: a store that is missing or empty is damage then, and never a first
 * start. A marker is a file that is made once, after its store; what it says matters only where a caller reads it, so that
 * no flipped bit in it can hide a loss. A store without a marker (of an older version, or cut off in between) gets one at
 * the next start.
 */
export class Markers {
  readonly #folder: string;

  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, markersFolder);
  }

  has(name: string): boolean {
    return existsSync(join(this.#folder, name));
  }

  /** What was written with the marker (one line); `undefined` without one, or when it is damaged itself. */
  read(name: string): string | undefined {
    try {
      const [, text = '', check] = /^(.*) ([0-9a-f]{16})\n$/s.exec(this.#text(name)) ?? [];
      return check === checksum(text) ? text : undefined;
    } catch {
      return undefined;
    }
  }

  /** On the disk when it returns. Throws a `StorageProblem`. */
  set(name: string, text = ''): void {
    if (this.read(name) !== text) this.#write(name, `${text} ${checksum(text)}\n`);
  }

  /** As `set`, where a disk that takes nothing now shall not keep anybody from what is on it: the next start tries again. */
  note(name: string, text = ''): void {
    try {
      this.set(name, text);
    } catch (error) {
      if (!(error instanceof StorageProblem)) throw error;
    }
  }

  /** Throws `store-missing` for a store that was there once and is not now. */
  expect(name: string, store: Missing): void {
    if (this.has(name)) throw missing(store);
  }

  #text(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  #write(name: string, text: string): void {
    const path = join(this.#folder, name);
    try {
      if (!existsSync(this.#folder)) {
        mkdirSync(this.#folder, { mode: 0o700, recursive: true });
        sync(join(this.#folder, '../..'));
      }
      const temporary = join(this.#folder, `.${name}.tmp`);
      const file = openSync(temporary, 'w', 0o600);
      try {
        writeSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
      sync(this.#folder);
    } catch (error) {
      throw storageFailed(path, error);
    }
  }
}

function sync(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const checksum = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export interface Missing {
  /** In words: *the list of people and sessions*. */
  what: string;
  path: string;
  /** What somebody does who means a new beginning. */
  beginNew: string;
}

/** The problem of a store that was there and is gone, with the two ways out. */
function missing({ what, path, beginNew }: Missing): Problem {
  return new Problem(
    'store-missing',
    `${what} (${path}) was there before and is missing or empty now, which is damage: nothing new is begun in its place. ` +
      `Restore it from a backup; or, if a new beginning is meant: ${beginNew}`,
    { retryable: false, details: { path } },
  );
}

/** What ends a box's people, apps and settings, and begins again with a setup code. */
export const resetBox = 'porchlight reset --yes';
