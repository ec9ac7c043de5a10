import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a program that no package of Debian's brings cannot be asked here, told at once; `undefined` when it can. */
export function notInPath(program: string, how: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return undefined;
    } catch {
      // The next one, perhaps.
    }
  }
  const reason = `(${program} is not in PATH, and Debian has no package of it: ${how})`;
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}
