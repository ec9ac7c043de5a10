import type { Static, TObject } from 'typebox';
import {
  type ConfigFault,
  type ConfigSources,
  type Given,
  readArgs,
  readEnvironment,
  readFile,
  readText,
} from './config-sources.ts';
import { Problem } from './errors.ts';
import { isAllowed, type Setting, settingsOf } from './settings.ts';

export { configTable, helpOf } from './config-docs.ts';
export type { ConfigFault, ConfigSources } from './config-sources.ts';

export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export interface Loaded<S extends TObject> {
  /** Frozen at every depth. */
  config: DeepReadonly<Static<S>>;
  /** Arguments that are no flags, and all after `--`. */
  rest: readonly string[];
  switches: ReadonlySet<string>;
  /** Where each setting's value comes from, by key: `default`, `/etc/x.toml:12`, `PORCHLIGHT_X`, `--x`. */
  origins: Readonly<Record<string, string>>;
}

/**
 * The configuration of a program: defaults < file < environment < flags. Everything that is wrong in any source, known
 * to be overridden or not, is told at once, in one `Problem` with the code `bad-config`.
 */
export function loadConfig<S extends TObject>(schema: S, sources: ConfigSources): Loaded<S> {
  const settings = settingsOf(schema);
  const args = readArgs(settings, sources.args, sources.switches ?? []);
  const env = readEnvironment(settings, sources.env);
  const file = readFile(settings, sources, args.file);
  const given = [...file.given, ...env.given, ...args.given];
  const faults = [...file.faults, ...env.faults, ...args.faults, ...given.flatMap(checked)];
  if (faults.length > 0) throw badConfig(faults);

  const config = {};
  const origins: Record<string, string> = {};
  for (const setting of settings) {
    const last = given.findLast((reading) => reading.setting === setting);
    place(config, setting, structuredClone(last === undefined ? setting.default : last.value));
    origins[setting.key] = last?.source ?? 'default';
  }
  return {
    config: freeze(config) as DeepReadonly<Static<S>>,
    rest: args.rest,
    switches: args.switches,
    origins,
  };
}

export interface LenientlyRead {
  /** The values that are as they should be. */
  values: ReadonlyMap<string, unknown>;
  /** What is wrong, in words, without the values. */
  faults: readonly string[];
}

/**
 * A file that a person wrote by hand, each key for itself: one that is wrong does not cost the others. Throws `bad-config`
 * for what is no TOML at all. Its schema may have secrets, and no message says a value.
 */
export function readLeniently(schema: TObject, text: string): LenientlyRead {
  const { given, faults } = readText(settingsOf(schema, 'allowed'), text);
  const wrong = given.filter(({ setting, value }) => !isAllowed(setting, value));
  const said = wrong.map(({ setting, source }) => `${setting.key} must be ${setting.allowed} (${source})`);
  const values = given.filter((reading) => !wrong.includes(reading));
  return {
    values: new Map(values.map(({ setting, value }) => [setting.key, value])),
    faults: [...faults.map(({ message }) => message), ...said],
  };
}

function checked({ setting, value, source }: Given): ConfigFault[] {
  if (isAllowed(setting, value)) return [];
  const { key, allowed } = setting;
  return [{ key, value, source, message: `${key} must be ${allowed}, not ${shown(value)} (${source})` }];
}

function badConfig(faults: readonly ConfigFault[]): Problem {
  const all = faults.map((fault) => fault.message);
  const message =
    all.length === 1
      ? all.join('')
      : `${all.length} settings are wrong:\n${all.map((line) => `- ${line}`).join('\n')}`;
  return new Problem('bad-config', message, { retryable: false, details: { faults } });
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function place(config: object, setting: Setting, value: unknown): void {
  let section = config as Record<string, unknown>;
  for (const name of setting.path.slice(0, -1)) section = (section[name] ??= {}) as Record<string, unknown>;
  const last = setting.path.at(-1);
  if (last !== undefined && value !== undefined) section[last] = value;
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
