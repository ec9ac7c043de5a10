import { BoxConfig } from '../box/config.ts';
import { boxConfigFile } from '../box/main.ts';
import type { BoxStatus } from '../box/system/status.ts';
import { seconds } from '../kit/clock.ts';
import { command, exitCode } from '../kit/command.ts';
import { askBox } from './ask-box.ts';

export const statusCommand = command({
  name: 'status',
  summary: 'Says how the running box is, in ten lines; exits 3 when a part does not work.',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxConfigFile,
  action: async ({ config, switches }, io) => {
    const status = await askBox(config.system.port, seconds(5));
    io.out(switches.has('json') ? `${JSON.stringify(status)}\n` : statusText(status));
    return status.health === 'error' ? exitCode.unhealthy : exitCode.ok;
  },
});

const marks = { ok: '✓', warning: '!', error: '✗' } as const;

/** What a person wants to know: who it is, how to reach it, and only then what is wrong and what to do about it. */
export function statusText(status: BoxStatus): string {
  const url = (kind: string): string => String(status.urls[kind] ?? 'not yet');
  const { certificate, tunnel } = status;
  const until =
    certificate === null
      ? 'none yet'
      : `${certificate.daysLeft} days left (until ${certificate.notAfter.slice(0, 10)})`;
  const lines = [
    [status.name, `box id ${status.boxId}`],
    ['at home', url('main')],
    ['outside', tunnel.phase === 'connected' ? url('tunnel') : (tunnel.reason ?? tunnel.phase)],
    ['no cloud', url('local')],
    ['address', status.addresses.join(', ') || 'none'],
    ['certificate', until],
    ['announced', status.announcedAt?.replace('T', ' ').slice(0, 19) ?? 'not yet'],
  ] as const;
  const width = Math.max(...lines.map(([label]) => label.length));
  const wrong = status.conditions.filter(({ severity }) => severity !== 'ok');
  const shown = wrong.map(
    ({ name, severity, message, remedy }) =>
      `${marks[severity]} ${name}: ${message}${remedy === undefined ? '' : `\n    ${remedy}`}`,
  );
  const state = shown.length === 0 ? [`${marks.ok} all parts work`] : shown;
  return `${[...lines.map(([label, text]) => `${label.padEnd(width)}  ${text}`), '', ...state].join('\n')}\n`;
}
