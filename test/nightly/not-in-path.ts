import { isThere } from '../support/programs.ts';

/** Why a program that no package of Debian's brings cannot be asked here, told at once; `undefined` when it can. */
export function notInPath(program: string, how: string): string | undefined {
  if (isThere(program)) return undefined;
  const reason = `(${program} is not in PATH, and Debian has no package of it: ${how})`;
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}
