import { wrapped } from '../kit/runtime/wrapped.ts';
import type { UpdateState } from '../protocol/update-api.ts';

const phases: Record<UpdateState['phase'], string> = {
  'not-an-appliance': 'no appliance: this box is updated as it was installed',
  idle: 'nothing to do',
  checking: 'asking the update server',
  downloading: 'fetching',
  installing: 'writing',
  'awaiting-reboot': 'written; runs from the next restart on',
  trial: 'on trial; stays when the box is found healthy',
  failed: 'failed',
};

/** What `porchlight update` shows. */
export function updateText(state: UpdateState): string {
  const { version, slot, phase, target, available, checkedAt, restartsAt, trouble, takenBack } = state;
  const lines: [label: string, text: string][] = [
    ['installed', `${version}${slot === null ? '' : ` (slot ${slot})`}`],
    ['state', `${target === null ? '' : `${target}: `}${phases[phase]}`],
  ];
  if (trouble !== null) lines.push(['why', trouble.message]);
  if (restartsAt !== null) lines.push(['restarts', `${time(restartsAt)} by itself, or now with --restart`]);
  if (takenBack !== null) lines.push(['rolled back', `${takenBack.version}: ${takenBack.reason}`]);
  if (phase !== 'not-an-appliance') {
    lines.push(['available', available === null ? 'nothing newer known' : newer(available)]);
    const asked = checkedAt === null ? 'not yet' : time(checkedAt);
    const server = state.server ? `asked ${asked}` : 'none (update.server)';
    lines.push(['server', `${server}, channel ${state.channel}${state.paused ? ', paused' : ''}`]);
  }
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return `${lines.map(([label, text]) => wrapped(text, ' '.repeat(width), label.padEnd(width))).join('\n')}\n`;
}

function newer({ version, notes }: { version: string; notes: string }): string {
  return notes === '' ? version : `${version}: ${notes}`;
}

const time = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/:\d\d\..*/, ' UTC');
