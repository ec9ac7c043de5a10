import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, Problem } from '../kit/runtime/errors.ts';
import { privateFolder, writeAtomic } from '../kit/store/files.ts';

const fileName = 'porchlight-agent.desktop';

/**
 * Makes `porchlight://auth/connect` start the agent, on desktops that follow freedesktop.org. `command`: how this program is
 * run, without arguments of its own. Answers the file. Throws `install-failed`, `storage-failed`.
 */
export async function installLink(options: {
  dataFolder: string;
  command: readonly string[];
}): Promise<string> {
  const folder = join(options.dataFolder, 'applications');
  const path = join(folder, fileName);
  await privateFolder(folder);
  await writeAtomic(path, desktopEntry(options.command), 0o644);
  try {
    await promisify(execFile)('xdg-mime', ['default', fileName, 'x-scheme-handler/porchlight']);
  } catch (error) {
    const message = `${path} is there, but xdg-mime (of xdg-utils) did not register it: ${messageOf(error)}`;
    throw new Problem('install-failed', message, { cause: error });
  }
  return path;
}

/** Desktop Entry Specification 1.5. */
export function desktopEntry(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Porchlight agent
Comment=Signs web pages in to your box
Exec=${[...command, 'agent'].map(quoted).join(' ')} %u
Terminal=false
NoDisplay=true
MimeType=x-scheme-handler/porchlight;
`;
}

/** An argument of `Exec`: quoted for the line, then escaped for the value, with `%` as itself. */
function quoted(argument: string): string {
  if (/[\n\r]/.test(argument))
    throw new Problem('install-failed', `${JSON.stringify(argument)} has a line break`);
  const inLine = /^[\w@%+=:,./-]+$/.test(argument)
    ? argument
    : `"${argument.replaceAll(/["`$\\]/g, '\\$&')}"`;
  return inLine.replaceAll('\\', '\\\\').replaceAll('%', '%%');
}
