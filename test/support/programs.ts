import * as node from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { promisify } from 'node:util';
import * as lists from '../../src/cli/programs.mjs';
import { startedBy, type Word } from './wrappers.ts';

/**
 * How tests start programs: as `node:child_process` does, but a program that is not on this machine is told as that, with
 * the Debian package that brings it, and not as *cannot read properties of null*.
 */
export const spawn = checked(node.spawn);
export const spawnSync = checked(node.spawnSync);
export const execFile = checked(node.execFile);
export const execFileSync = checked(node.execFileSync);
export type { ChildProcess, ChildProcessByStdio, SpawnOptions } from 'node:child_process';

const known: Readonly<Record<string, string>> = Object.assign({}, ...Object.values(lists));

function checked<F extends (...args: never[]) => unknown>(start: F): F {
  const after = (action: F): F =>
    ((...args: Parameters<F>) => {
      const [program, words] = args as unknown as [string, unknown];
      mustBeThere([program, ...(Array.isArray(words) ? (words as string[]) : [])]);
      return action(...args);
    }) as F;
  const promised = (start as { [promisify.custom]?: F })[promisify.custom];
  return Object.assign(after(start), promised === undefined ? {} : { [promisify.custom]: after(promised) });
}

/** Throws for the first program of a command line that is missing or that the list does not know. */
export function mustBeThere(line: readonly Word[]): void {
  for (const program of startedBy(line).programs) {
    if (program === process.execPath || isOwn(program)) continue;
    const debian = known[program] ?? known[program.replace(/^.*\//, '')];
    if (debian === undefined)
      throw new Error(`${program} is not in src/cli/programs.mjs; add it there, with its Debian package`);
    if (!isThere(program)) throw new Error(`${program} is missing; it is in Debian's package ${debian}`);
  }
}

/** A script that a test wrote, or a program of npm's: not Debian's to bring. */
const isOwn = (program: string): boolean =>
  program.includes('/') && !/^\/(usr\/)?(s?bin|lib)\//.test(program);

/** By name, in PATH and where root's programs are, or by path. */
export function isThere(program: string): boolean {
  if (program.includes('/')) return runnable(program);
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => runnable(`${folder}/${program}`));
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
