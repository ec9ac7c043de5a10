import { BoxConfig } from '../box/config.ts';
import type { BoxStatus } from '../box/system/status.ts';
import { seconds } from '../kit/runtime/clock.ts';
import { command, exitCode } from '../kit/config/command.ts';
import { wrapped } from '../kit/runtime/wrapped.ts';
import { askBox } from './ask-box.ts';
import { marks } from './terminal.ts';
import { boxFile } from './box-file.ts';

export const statusCommand = command({
  name: 'status',
  summary: 'Says how the running box is, in ten lines; exits 3 when a part does not work.',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxFile,
  action: async ({ config, switches }, io) => {
    const status = await askBox(config.system.port, seconds(5));
    io.out(switches.has('json') ? `${JSON.stringify(status)}\n` : statusText(status));
    return status.health === 'error' ? exitCode.unhealthy : exitCode.ok;
  },
});

/** What a person wants to know: who it is, how to reach it, and only then what is wrong and what to do about it. */
export function statusText(status: BoxStatus): string {
  const { certificate, tunnel } = status;
  const url = (kind: string): string => String(status.urls[kind] ?? 'not yet');
  const until =
    certificate === null
      ? 'none yet'
      : `${certificate.daysLeft} days left (until ${certificate.notAfter.slice(0, 10)})`;
  const lines = [
    ['name', status.name],
    ['box id', status.boxId],
    ['at home', url('main')],
    ['outside', tunnel.phase === 'connected' ? url('tunnel') : (tunnel.reason ?? tunnel.phase)],
    ['no cloud', url('local')],
    ['address', status.addresses.join(', ') || 'none'],
    ['certificate', until],
    ...(status.setupCode === null ? [] : [['setup code', status.setupCode] as const]),
    ['announced', status.announcedAt?.replace('T', ' ').replace(/\..*/, ' UTC') ?? 'not yet'],
  ] as const;
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  const shown = lines.map(([label, text]) => wrapped(text, ' '.repeat(width), label.padEnd(width)));
  const wrong = status.conditions.filter(({ severity }) => severity !== 'ok');
  const conditions = wrong.map(({ name, severity, message, remedy }) => {
    const said = wrapped(`${name}: ${message}`, '  ', `${marks[severity]} `);
    return remedy === undefined ? said : `${said}\n${wrapped(remedy, '    ', '  → ')}`;
  });
  const state = wrong.length === 0 ? [`${marks.ok} all parts work`] : conditions;
  return `${[...shown, '', ...state].join('\n')}\n`;
}
