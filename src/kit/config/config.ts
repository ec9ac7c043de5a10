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
import { Problem } from '../runtime/errors.ts';
import { formerNamesOf, isAllowed, type Setting, settingsOf } from './settings.ts';

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
  /** One sentence for each setting that was given by a name it had before. */
  deprecations: readonly string[];
}

/**
 * The configuration of a program: defaults < file < environment < flags. Everything that is wrong in any source, known
 * to be overridden or not, is told at once, in one `Problem` with the code `bad-config`.
 */
export function loadConfig<S extends TObject>(schema: S, sources: ConfigSources): Loaded<S> {
  const settings = settingsOf(schema);
  const known = [...settings, ...formerNamesOf(schema, settings)];
  const args = readArgs(known, sources.args, sources.switches ?? []);
  const env = readEnvironment(known, sources.env);
  const file = readFile(known, sources, args.file);
  const read = [file, env, args].flatMap(({ given: some }) => formerNamesFirst(some));
  const given = read.map((reading) => ({
    ...reading,
    setting: reading.setting.renamedTo ?? reading.setting,
  }));
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
    deprecations: read.flatMap(deprecation),
  };
}

/** Within one source the name of today wins. */
function formerNamesFirst(given: readonly Given[]): Given[] {
  const former = given.filter(({ setting }) => setting.renamedTo !== undefined);
  return [...former, ...given.filter((reading) => !former.includes(reading))];
}

function deprecation({ setting, source }: Given): string[] {
  const { key, renamedTo } = setting;
  if (renamedTo === undefined) return [];
  return [
    `${key} (${source}) is called ${renamedTo.key} now; the old name works until the next major version`,
  ];
}

export interface LenientlyRead {
  /** The values that are as they should be. */
  values: ReadonlyMap<string, unknown>;
  /** What is wrong, in words, without the values. */
  faults: readonly LenientFault[];
}

export interface LenientFault {
  /** As it was written. */
  key: string;
  /** Of a key that there is not: the one that was most likely meant. */
  meant?: string | undefined;
  message: string;
}

/** A value as the person meant it who wrote `given` for `key`; `given` itself where there is no doubt to take away. */
export type AsMeant = (key: string, given: unknown) => unknown;

/**
 * A file that a person wrote by hand, each key for itself: what stands in `values` is right, and what becomes of a key that
 * is wrong is the caller's to say, who has to know that it was *there*. Throws `bad-config` for what is no TOML at all. Its
 * schema may have secrets, and no message says a value.
 */
export function readLeniently(
  schema: TObject,
  text: string,
  asMeant: AsMeant = (_, given) => given,
): LenientlyRead {
  const { given, faults } = readText(settingsOf(schema, 'allowed'), text);
  const meant = given.map((reading) => ({ ...reading, value: asMeant(reading.setting.key, reading.value) }));
  const wrong = meant.filter(({ setting, value }) => !isAllowed(setting, value));
  const values = meant.filter((reading) => !wrong.includes(reading));
  return {
    values: new Map(values.map(({ setting, value }) => [setting.key, value])),
    faults: [...faults, ...wrong.map(wrongValue)],
  };
}

function wrongValue({ setting, value, source }: Given): LenientFault {
  const { key, kind, allowed } = setting;
  const unquoted = kind === 'text' && (typeof value === 'number' || typeof value === 'boolean');
  const must =
    unquoted || (kind === 'text' && value instanceof Date) ? `stand in quotes: "…"` : `be ${allowed}`;
  return { key, message: `${key} must ${must} (${source})` };
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
