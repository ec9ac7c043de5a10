import { posix, win32 } from 'node:path';
import { Problem } from '../kit/runtime/errors.ts';

/** Of the process, as `main` knows it. */
export interface Platform {
  name: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
}

/** The folder for the port file and the sessions, where the platform keeps such things of a person. Throws `usage`. */
export function agentFolder({ name, env }: Platform): string {
  const path = name === 'win32' ? win32 : posix;
  const folderOf = (variable: string, ...below: string[]): string => {
    const folder = env[variable];
    if (folder === undefined || folder === '')
      throw new Problem('usage', `there is no ${variable} to keep anything in: name a folder with --folder`);
    return path.join(folder, ...below, 'Porchlight');
  };
  if (name === 'win32') return folderOf('APPDATA');
  if (name === 'darwin') return folderOf('HOME', 'Library', 'Application Support');
  // A path that is not absolute is to be ignored (XDG Base Directory Specification).
  return path.isAbsolute(env['XDG_CONFIG_HOME'] ?? '')
    ? folderOf('XDG_CONFIG_HOME')
    : folderOf('HOME', '.config');
}
