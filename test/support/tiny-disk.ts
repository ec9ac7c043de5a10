import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { execFileSync } from './programs.ts';

/** A small disk in memory, for what happens when it is full or read-only. */
export interface TinyDisk {
  readonly path: string;
  /** Leaves no room at all, or gives it back. */
  fill: (full: boolean) => void;
  remount: (how: 'ro' | 'rw') => void;
  unmount: () => void;
}

/** Mounted at `path`, which is made; `undefined` for who may not mount (a test says then that it is skipped). */
export function tinyDisk(path: string, size: string): TinyDisk | undefined {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', path], { stdio: 'pipe' });
  } catch {
    process.stderr.write('SKIPPED: full and read-only disks, which need the right to mount; run as root\n');
    return undefined;
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill: (full) => {
      rmSync(filler, { force: true });
      if (full) for (const bytes of [65_536, 512]) fillBy(filler, bytes);
    },
    remount: (how) => void execFileSync('mount', ['-o', `remount,${how}`, path]),
    unmount: () => void execFileSync('umount', ['--lazy', path]),
  };
}

function fillBy(file: string, bytes: number): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
  }
}
