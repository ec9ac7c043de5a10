import { Type } from 'typebox';
import { BoxConfig } from '../../box/config.ts';
import { systemClock } from '../../kit/runtime/clock.ts';
import { command, exitCode } from '../../kit/config/command.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { ControlEnded, ControlSessions } from '../../protocol/control-api.ts';
import { askControl } from '../ask-control.ts';
import { chosen } from './chosen.ts';
import { sessionTree } from './session-tree.ts';
import { boxFile } from '../box-file.ts';

const RevokeConfig = Type.Object({
  allOf: Type.String({ default: '', description: 'end all sessions of the person of this name' }),
  ...BoxConfig.properties,
});

export const revokeCommand = command({
  name: 'revoke',
  summary: 'Ends a session and all below it, at once, on every open connection; says what was ended.',
  operands: 'ID | --all-of NAME',
  switches: { json: 'print JSON' },
  config: RevokeConfig,
  file: boxFile,
  action: async ({ config, operands, switches }, io) => {
    const [typed, ...more] = operands;
    if ((typed === undefined) === (config.allOf === '') || more.length > 0)
      throw new Problem(
        'usage',
        'give the id of one session (porchlight sessions lists them), or --all-of NAME',
      );
    const path =
      typed === undefined
        ? `/people/${encodeURIComponent(config.allOf)}/sessions`
        : await sessionAt(config.state, typed);
    const answer = await askControl(config.state, { method: 'DELETE', path, answer: ControlEnded });
    if (switches.has('json')) io.out(`${JSON.stringify(answer)}\n`);
    else if (answer.ended.length === 0) io.out(`${config.allOf} has no sessions.\n`);
    else io.out(`Ended:\n${sessionTree(answer.ended, systemClock.now())}`);
    return exitCode.ok;
  },
});

async function sessionAt(state: string, typed: string): Promise<string> {
  const { sessions } = await askControl(state, { method: 'GET', path: '/sessions', answer: ControlSessions });
  return `/sessions/${chosen(sessions, typed, 'session').id}`;
}
