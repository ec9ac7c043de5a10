import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import type { Static, TObject } from 'typebox';
import { codeOf, messageOf, Problem } from './errors.ts';
import {
  configFileSetting,
  isAllowed,
  type Setting,
  settingsOf,
  valueFromText,
  variablePrefix,
} from './settings.ts';
import { suggestion } from './suggest.ts';

export { configTable, helpOf } from './config-docs.ts';

export interface ConfigSources {
  /** TOML file to read when it is there. `--config FILE` or `PORCHLIGHT_CONFIG` names another, which then must be there. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Arguments without the program and the subcommand. */
  args: readonly string[];
  /** Flags that are no settings (`help`, `json`). They take no value and come back in `switches`. */
  switches?: readonly string[];
}

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

/** One thing that is wrong; all of them are in `details.faults` of the problem. */
export interface ConfigFault {
  key: string;
  value?: unknown;
  /** Where it was said: `/etc/x.toml:12`, `PORCHLIGHT_X`, `--x`. */
  source: string;
  message: string;
}

interface Given {
  setting: Setting;
  value: unknown;
  source: string;
}

interface Readings {
  given: Given[];
  faults: ConfigFault[];
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

function checked({ setting, value, source }: Given): ConfigFault[] {
  if (isAllowed(setting, value)) return [];
  const { key, allowed } = setting;
  return [{ key, value, source, message: `${key} must be ${allowed}, not ${shown(value)} (${source})` }];
}

/** Text from a variable or a flag as a reading; text that cannot be converted stays text, which `checked` then refuses. */
function fromText(setting: Setting, text: string, source: string): Given {
  return { setting, value: valueFromText(setting, text) ?? text, source };
}

function readEnvironment(settings: readonly Setting[], env: ConfigSources['env']): Readings {
  const known = new Map(settings.map((setting) => [setting.variable, setting]));
  const readings: Readings = { given: [], faults: [] };
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(variablePrefix) || text === undefined || variable === configFileSetting.variable)
      continue;
    const setting = known.get(variable);
    if (setting === undefined) readings.faults.push(unknown('variable', variable, variable, known.keys()));
    else readings.given.push(fromText(setting, text, variable));
  }
  return readings;
}

interface Arguments extends Readings {
  file: string | undefined;
  rest: string[];
  switches: Set<string>;
}

function readArgs(
  settings: readonly Setting[],
  args: readonly string[],
  switches: readonly string[],
): Arguments {
  const known = new Map(settings.flatMap((setting) => setting.flags.map((flag) => [flag, setting] as const)));
  const names = [...known.keys(), ...switches, configFileSetting.flag];
  const result: Arguments = { given: [], faults: [], file: undefined, rest: [], switches: new Set() };
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === '--') {
      result.rest.push(...queue.splice(0));
      continue;
    }
    if (!arg.startsWith('-') || arg === '-') {
      result.rest.push(arg);
      continue;
    }
    const [, name = arg, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const source = `--${name}`;
    const setting = known.get(name);
    const negated = name.startsWith('no-') ? known.get(name.slice(3)) : undefined;
    if (switches.includes(name) && inline === undefined) {
      result.switches.add(name);
    } else if (setting?.kind === 'boolean') {
      result.given.push(fromText(setting, inline ?? 'true', source));
    } else if (negated?.kind === 'boolean' && inline === undefined) {
      result.given.push({ setting: negated, value: false, source });
    } else if (setting !== undefined || name === configFileSetting.flag) {
      const text = inline ?? (queue[0]?.startsWith('--') === true ? undefined : queue.shift());
      if (text === undefined)
        result.faults.push({ key: setting?.key ?? name, source, message: `${source} needs a value` });
      else if (setting === undefined) result.file = text;
      else addTo(result.given, fromText(setting, text, source));
    } else {
      result.faults.push(unknown('flag', name, arg.startsWith('--') ? source : arg, names, '--'));
    }
  }
  return result;
}

/** A list or map given by several flags is all of them together; of any other setting the last flag counts. */
function addTo(given: Given[], next: Given): void {
  const before = given.find(({ setting }) => setting === next.setting);
  const both = [before?.value, next.value];
  if (before === undefined || both.includes(undefined)) given.push(next);
  else if (both.every(Array.isArray)) before.value = both.flat();
  else if (both.every((value) => typeof value === 'object')) before.value = Object.assign({}, ...both);
  else given.push(next);
}

function readFile(
  settings: readonly Setting[],
  sources: ConfigSources,
  fromFlag: string | undefined,
): Readings {
  const chosen = fromFlag ?? sources.env[configFileSetting.variable];
  const path = chosen ?? sources.file;
  const readings: Readings = { given: [], faults: [] };
  if (path === undefined) return readings;
  const key = configFileSetting.flag;
  let text: string;
  let table: unknown;
  try {
    text = readFileSync(path, 'utf8');
    table = parse(text);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && chosen === undefined) return readings;
    const [reason, source] =
      error instanceof TomlError
        ? [error.message.trimEnd(), `${path}:${error.line}`]
        : [messageOf(error), path];
    return { given: [], faults: [{ key, value: path, source, message: `cannot read ${source}: ${reason}` }] };
  }
  const known = new Map(settings.map((setting) => [setting.key, setting]));
  const sections = new Set(
    settings.flatMap(({ key }) =>
      key
        .split('.')
        .slice(0, -1)
        .map((_, end) => key.split('.', end + 1).join('.')),
    ),
  );
  const walk = (entries: object, prefix: string): void => {
    for (const [name, value] of Object.entries(entries) as [string, unknown][]) {
      const key = prefix + name;
      const source = `${path}${lineOf(text, key)}`;
      const setting = known.get(key);
      if (setting !== undefined) readings.given.push({ setting, value, source });
      else if (!sections.has(key))
        readings.faults.push(unknown('key', key, source, [...known.keys(), ...sections]));
      else if (typeof value === 'object' && value !== null) walk(value, `${key}.`);
      else
        readings.faults.push({ key, value, source, message: `${key} is a section, not a value (${source})` });
    }
  };
  walk(table as object, '');
  return readings;
}

/** `:12` for the line that sets `key`, and nothing where it cannot be told cheaply (inline tables, quoted names). */
function lineOf(toml: string, key: string): string {
  let section = '';
  for (const [index, line] of toml.split('\n').entries()) {
    const header = /^\s*\[\s*([\w.-]+)\s*\]/.exec(line)?.[1];
    const name = /^\s*([\w.-]+)\s*=/.exec(line)?.[1];
    if (header !== undefined) section = `${header}.`;
    if (header === key || (name !== undefined && section + name === key)) return `:${index + 1}`;
  }
  return '';
}

function unknown(
  what: string,
  name: string,
  source: string,
  candidates: Iterable<string>,
  dashes = '',
): ConfigFault {
  const near = suggestion(name, candidates);
  const hint = near === undefined ? '' : `; did you mean ${dashes}${near}?`;
  const where = what === 'key' ? `${name} (${source})` : source;
  return { key: name, source, message: `there is no ${what} ${where}${hint}` };
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
