import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { codeOf, messageOf, Problem } from '../runtime/errors.ts';
import { meantKey, sectionsOf } from './meant-key.ts';
import { configFileSetting, type Setting, valueFromText, variablePrefix } from './settings.ts';
import { suggestion } from './suggest.ts';

export interface ConfigSources {
  /** TOML file to read when it is there. `--config FILE` or `PORCHLIGHT_CONFIG` names another, which then must be there. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Arguments without the program and the subcommand. */
  args: readonly string[];
  /** Flags that are no settings (`help`, `json`). They take no value and come back in `switches`. */
  switches?: readonly string[];
}

/** One thing that is wrong; all of them are in `details.faults` of the problem. */
export interface ConfigFault {
  key: string;
  value?: unknown;
  /** Where it was said: `/etc/x.toml:12`, `PORCHLIGHT_X`, `--x`. */
  source: string;
  message: string;
  /** Of a key that there is not: the one that was most likely meant. */
  meant?: string;
}

/** A value that a source gives to a setting; not yet checked. */
export interface Given {
  setting: Setting;
  value: unknown;
  source: string;
}

interface Readings {
  given: Given[];
  faults: ConfigFault[];
}

/** Text from a variable or a flag as a reading; text that cannot be converted stays text, which `checked` then refuses. */
function fromText(setting: Setting, text: string, source: string): Given {
  return { setting, value: valueFromText(setting, text) ?? text, source };
}

/** What the variables say. A variable with our prefix that no setting has is a fault: most likely a misspelling. */
export function readEnvironment(settings: readonly Setting[], env: ConfigSources['env']): Readings {
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

/** What the arguments say: `--key=value`, `--key value`, `--x` and `--no-x` of booleans; all after `--` is rest. */
export function readArgs(
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

/** What the file says; nothing when the usual file is not there. */
export function readFile(
  settings: readonly Setting[],
  sources: ConfigSources,
  fromFlag: string | undefined,
): Readings {
  const chosen = fromFlag ?? sources.env[configFileSetting.variable];
  const path = chosen ?? sources.file;
  if (path === undefined) return { given: [], faults: [] };
  try {
    const text = readFileSync(path, 'utf8');
    return readTable(settings, parse(text), (key) => `${path}${lineOf(text, key)}`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && chosen === undefined) return { given: [], faults: [] };
    const source = error instanceof TomlError ? `${path}:${error.line}` : path;
    const message = `cannot read ${source}: ${messageOf(error).trimEnd()}`;
    return { given: [], faults: [{ key: configFileSetting.flag, value: path, source, message }] };
  }
}

/** What a text says whose lines a person counts. Throws `bad-config`, with the line, for what is no TOML. */
export function readText(settings: readonly Setting[], text: string): Readings {
  try {
    return readTable(settings, parse(text), (key) => lineOf(text, key).replace(':', 'line ') || key);
  } catch (error) {
    const line = error instanceof TomlError ? `line ${error.line}: ` : '';
    const [words = ''] = messageOf(error).split('\n');
    throw new Problem('bad-config', `${line}${words}`, { retryable: false, cause: error });
  }
}

function readTable(settings: readonly Setting[], table: object, sourceOf: (key: string) => string): Readings {
  const known = new Map(settings.map((setting) => [setting.key, setting]));
  const sections = new Set(settings.flatMap(({ key }) => sectionsOf(key)));
  const readings: Readings = { given: [], faults: [] };
  const walk = (entries: object, prefix: string): void => {
    for (const [name, value] of Object.entries(entries) as [string, unknown][]) {
      const key = prefix + name;
      const source = sourceOf(key);
      const setting = known.get(key);
      if (setting !== undefined) {
        readings.given.push({ setting, value, source });
      } else if (!sections.has(key)) {
        readings.faults.push(unknownKey(key, source, meantKey(key, value, settings)));
      } else if (typeof value === 'object' && value !== null) {
        walk(value, `${key}.`);
      } else {
        const message = `${key} is a section, not a value (${source})`;
        readings.faults.push({ key, value, source, message });
      }
    }
  };
  walk(table, '');
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
  what: 'variable' | 'flag',
  name: string,
  source: string,
  candidates: Iterable<string>,
  dashes = '',
): ConfigFault {
  return {
    key: name,
    source,
    message: `there is no ${what} ${source}${hint(suggestion(name, candidates), dashes)}`,
  };
}

function unknownKey(key: string, source: string, meant: string | undefined): ConfigFault {
  const message = `there is no key ${key} (${source})${hint(meant)}`;
  return { key, source, message, ...(meant === undefined ? {} : { meant }) };
}

const hint = (near: string | undefined, dashes = ''): string =>
  near === undefined ? '' : `; did you mean ${dashes}${near}?`;
