import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { boxConfigFile } from '../box/installation.ts';
import { codeOf } from '../kit/runtime/errors.ts';
import { lockFolder } from '../kit/store/lock.ts';
import { homeFolder, homeBoxFile } from './home/place.ts';

/**
 * The settings of the box that a command is about when none is named: of the home that runs here (`npm start`), else the
 * machine's own. *Here* is the current folder, or the checkout that this program is in.
 */
export function boxFile(folders: readonly string[] = [process.cwd(), checkout]): string {
  const home = folders.map((folder) => resolve(folder, homeFolder)).find(runs);
  return home === undefined ? boxConfigFile : join(home, homeBoxFile);
}

const checkout = join(import.meta.dirname, '../..');

/**
 * A home that has ended has left its settings, but not its lock. Somebody else's counts for nothing: root in /tmp must not be
 * led to what a stranger put there.
 */
function runs(home: string): boolean {
  const owner = statSync(home, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner !== process.getuid?.()) return false;
  if (!existsSync(join(home, homeBoxFile))) return false;
  try {
    lockFolder(home).release();
    return false;
  } catch (error) {
    return codeOf(error) === 'state-in-use';
  }
}
