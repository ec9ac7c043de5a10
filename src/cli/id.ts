import { BoxConfig } from '../box/config.ts';
import { readIdentity } from '../box/identity/identity.ts';
import { command, exitCode } from '../kit/config/command.ts';
import { codeOf, Problem } from '../kit/runtime/errors.ts';
import { zoneName } from '../protocol/names.ts';
import { boxFile } from './box-file.ts';

export const idCommand = command({
  name: 'id',
  summary: 'Prints the box id; with --json also the fingerprint and the zone.',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxFile,
  action: async ({ config, switches }, io) => {
    const identity = await readable(config.state);
    if (identity === undefined) {
      throw new Problem(
        'no-identity',
        `there is no identity in ${config.state} yet; it is made when the box first starts`,
      );
    }
    const { boxId, fingerprint } = identity;
    const all = { boxId, fingerprint, zone: zoneName(boxId, config.zone.root) };
    io.out(switches.has('json') ? `${JSON.stringify(all)}\n` : `${boxId}\n`);
    return exitCode.ok;
  },
});

async function readable(state: string): ReturnType<typeof readIdentity> {
  try {
    return await readIdentity(state);
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    const message = `no right to read the identity in ${state}; try as root (sudo) or as the box’s own user`;
    throw new Problem('no-right', message, { cause: error });
  }
}
