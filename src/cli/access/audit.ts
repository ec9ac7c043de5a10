import { Type } from 'typebox';
import { BoxConfig } from '../../box/config.ts';
import { systemClock } from '../../kit/runtime/clock.ts';
import { command, exitCode } from '../../kit/config/command.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { type AuditEntry, auditLimits, AuditView } from '../../protocol/audit-api.ts';
import { askControl } from '../ask-control.ts';
import { boxFile } from '../box-file.ts';

const AuditConfig = Type.Object({
  since: Type.String({
    default: '1d',
    description: 'from when on: so many minutes, hours or days ago (30m, 12h, 90d), or a date (2026-11-23)',
  }),
  ...BoxConfig.properties,
});

export const auditCommand = command({
  name: 'audit',
  summary: `Prints who did what, when and from where; the box keeps it for ${auditLimits.keepDays} days.`,
  switches: { json: 'print JSON' },
  config: AuditConfig,
  file: boxFile,
  action: async ({ config, switches }, io) => {
    const entries = await entriesSince(config.state, startOf(config.since, systemClock.now()));
    io.out(switches.has('json') ? `${JSON.stringify({ entries })}\n` : auditText(entries));
    return exitCode.ok;
  },
});

/** Page by page; the oldest first, as a log is read. */
async function entriesSince(state: string, since: number): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  for (;;) {
    const last = found.at(-1);
    const path = last === undefined ? '/audit' : `/audit?before=${last.id}`;
    const { entries } = await askControl(state, { method: 'GET', path, answer: AuditView });
    const young = entries.filter(({ at }) => at >= since);
    found.push(...young);
    if (young.length < auditLimits.page) return found.toReversed();
  }
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function startOf(since: string, now: number): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(since) ?? [];
  if (count !== undefined) return now - Number(count) * unitMs[unit as keyof typeof unitMs];
  const time = /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isNaN(time))
    throw new Problem(
      'usage',
      `--since must be like 30m, 12h, 7d, 2026-11-23 or 2026-11-23T08:00, not “${since}”`,
    );
  return time;
}

/** One line each, for eyes and for grep: when (UTC), from where, the action, who, and to what. */
export function auditText(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'Nothing was written down in this time.\n';
  const address = Math.max(...entries.map((entry) => entry.address?.length ?? 1));
  const action = Math.max(...entries.map(({ action }) => action.length));
  const lines = entries.map((entry) => {
    const at = new Date(entry.at).toISOString().slice(0, 19).replace('T', ' ');
    const what = [entry.who || '-', entry.what].filter(Boolean).join(': ');
    return `${at}  ${(entry.address ?? '-').padEnd(address)}  ${entry.action.padEnd(action)}  ${what}\n`;
  });
  return lines.join('');
}
