import type { LogLine } from '../../../protocol/access-api.ts';

/** More are not kept in the page: a browser is slow with them and nobody reads so far back. */
const keptLines = 1000;

/**
 * The lines after new ones came; those known already (asked for twice) are left out. When all that came count from before,
 * the box has started again with its clock set back, and all are new.
 */
export function withNewLines(kept: readonly LogLine[], came: readonly LogLine[]): readonly LogLine[] {
  const last = kept.at(-1)?.seq ?? -1;
  const restarted = (came.at(-1)?.seq ?? last) < last;
  const fresh = restarted ? came : came.filter(({ seq }) => seq > last);
  return fresh.length === 0 ? kept : [...kept, ...fresh].slice(-keptLines);
}

/** As a text file: one line each, times in UTC. */
export function logText(lines: readonly LogLine[]): string {
  return lines
    .map(({ time, level, part, message }) => `${new Date(time).toISOString()} ${level} ${part}: ${message}\n`)
    .join('');
}

/** `porchlight-my-box-2026-11-23.log` */
export function logFileName(boxName: string, now: number): string {
  const name = boxName
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return ['porchlight', name, new Date(now).toISOString().slice(0, 10)].filter(Boolean).join('-') + '.log';
}
