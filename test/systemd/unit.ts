import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const unitFolder = join(import.meta.dirname, '../../systemd');

/** Where the units say that Porchlight is. */
export const installedAt = '/usr/lib/porchlight';

/** A unit file (systemd.syntax(7)), without sections: no setting here is in two of them. */
export interface Unit {
  file: string;
  text: string;
  /** Every value a setting is given, in order. */
  all(setting: string): readonly string[];
  /** The last value, or `''`. */
  get(setting: string): string;
}

function readUnit(file: string): Unit {
  const text = readFileSync(join(unitFolder, file), 'utf8');
  const assignments = text
    .split('\n')
    .map((line) => /^([A-Za-z]+)=(.*)$/.exec(line))
    .map((match) => [match?.[1], match?.[2] ?? ''] as const);
  const all = (setting: string): string[] =>
    assignments.flatMap(([name, value]) => (name === setting ? [value] : []));
  return { file, text, all, get: (setting) => all(setting).at(-1) ?? '' };
}

export const units: readonly Unit[] = readdirSync(unitFolder)
  .filter((file) => file.endsWith('.service'))
  .map(readUnit);

/** The units that run something of ours; the others help them. */
export const services: readonly Unit[] = units.filter((unit) => unit.get('Type') === 'notify');

/** `90s`, `30min` in seconds (systemd.time(7)). */
export function seconds(span: string): number {
  const [, number, unit = ''] = /^(\d+)(s|min)$/.exec(span) ?? [];
  const factor = { s: 1, min: 60 }[unit];
  if (factor === undefined) throw new Error(`“${span}” is no time span of these tests`);
  return Number(number) * factor;
}
