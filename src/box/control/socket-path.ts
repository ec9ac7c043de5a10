import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';

const fileName = 'control.sock';

/** `sun_path` of Linux without its final zero (unix(7)); Node answers a longer one with a bare EINVAL. */
const longest = 107;

/**
 * The control socket of the box with this state folder. `path` is for `listen` and `connect` until `release` is called: of a
 * folder whose path is too long for a socket it leads through an open descriptor of the folder. Throws the system's error
 * when such a folder cannot be opened.
 */
export function controlSocket(stateFolder: string): { file: string; path: string; release: () => void } {
  const file = join(stateFolder, fileName);
  if (Buffer.byteLength(file) <= longest) return { file, path: file, release: () => undefined };
  const folder = openSync(stateFolder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { file, path: `/proc/self/fd/${folder}/${fileName}`, release: () => closeSync(folder) };
}
