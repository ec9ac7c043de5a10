import { BoxConfig } from '../../box/config.ts';
import { systemClock } from '../../kit/runtime/clock.ts';
import { command, exitCode } from '../../kit/config/command.ts';
import { ControlSessions } from '../../protocol/control-api.ts';
import { askControl } from '../ask-control.ts';
import { sessionTree } from './session-tree.ts';
import { boxFile } from '../box-file.ts';

export const sessionsCommand = command({
  name: 'sessions',
  summary: 'Shows who is let in, and by whom: the tree of sessions of the running box.',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxFile,
  action: async ({ config, switches }, io) => {
    const answer = await askControl(config.state, {
      method: 'GET',
      path: '/sessions',
      answer: ControlSessions,
    });
    if (switches.has('json')) io.out(`${JSON.stringify(answer)}\n`);
    else if (answer.sessions.length === 0) io.out('Nobody is let in.\n');
    else io.out(sessionTree(answer.sessions, systemClock.now()));
    return exitCode.ok;
  },
});
