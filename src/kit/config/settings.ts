import { IsOptional, type TObject, type TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** What a setting holds: one value, a list of them, or values by name (`photos=http://…,music=http://…`). */
type SettingKind = 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'list' | 'map';

/** One key of a configuration schema, with its name in every source. */
export interface Setting {
  /** Where the value lies in the configuration object: `['dnsServer', 'acceptSha1Zones']`. */
  path: readonly string[];
  /** In the file and in messages: `dns-server.accept-sha1-zones`. */
  key: string;
  /** `PORCHLIGHT_DNS_SERVER_ACCEPT_SHA1_ZONES`. */
  variable: string;
  /** Without the dashes, the shortest first: `accept-sha1-zones`, `dns-server.accept-sha1-zones`. */
  flags: readonly string[];
  kind: SettingKind;
  schema: TSchema;
  optional: boolean;
  default: unknown;
  description: string;
  /** What is allowed, to follow "must be": `an integer from 0 to 65535`. */
  allowed: string;
  /** Other words that people have for it, for what is suggested to them. */
  alsoCalled: readonly string[];
  /** Of a name that a setting had before: the setting it is now. */
  renamedTo?: Setting;
}

/** What TypeBox writes into a schema object, as far as settings use it (JSON Schema 2020-12). */
interface Keywords {
  type?: string;
  properties?: Record<string, TSchema>;
  patternProperties?: Record<string, TSchema>;
  anyOf?: readonly { const?: unknown }[];
  enum?: readonly unknown[];
  items?: TSchema;
  default?: unknown;
  description?: string;
  /** Ours: a second, short flag of the setting. */
  flag?: string;
  /** Ours: what is allowed, in words, where the other keywords would not tell a person (a `pattern`). */
  allowed?: string;
  /** Ours: other words that people have for it. */
  alsoCalled?: readonly string[];
  /** Ours, of a section: the name it had before, which goes on working (`formerNamesOf`). */
  formerly?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string | RegExp;
}

export const variablePrefix = 'PORCHLIGHT_';

/** Flags and variables that `loadConfig` itself understands; no setting may take their names. */
export const configFileSetting = { flag: 'config', variable: `${variablePrefix}CONFIG` } as const;

/** Secrets in files, arguments and the environment are read by others; a setting names a file instead: `tokenFile`. */
const secretName = /(password|passphrase|secret|token|credential|key|pem)$/i;

const keywords = (schema: TSchema): Keywords => schema;
const variableOf = (key: string): string => variablePrefix + key.replaceAll(/[.-]/g, '_').toUpperCase();
const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Every setting of a schema, in its order. Throws `TypeError` for a schema that breaks the rules (a setting without a
 * description or default, one that would hold a secret, two settings of one name): that is a bug, not bad input.
 */
export function settingsOf(schema: TObject, secrets: 'refused' | 'allowed' = 'refused'): Setting[] {
  const settings = leaves(schema, []);
  const secret = settings.find(({ path }) => secretName.test(path.at(-1) ?? ''));
  if (secret !== undefined && secrets === 'refused')
    throw new TypeError(`the setting ${secret.key} would hold a secret; make it ${secret.key}-file`);
  const names: string[] = [configFileSetting.variable, configFileSetting.flag];
  for (const setting of settings) names.push(setting.variable, ...setting.flags);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`two settings are called ${twice}`);
  return settings;
}

/** The names that settings had before their section was renamed, as settings of their own; `renamedTo` says what they are now. */
export function formerNamesOf(schema: TObject, settings: readonly Setting[]): Setting[] {
  return Object.entries(schema.properties).flatMap(([name, section]) => {
    const { formerly } = keywords(section);
    if (formerly === undefined) return [];
    const inSection = settings.filter(({ path }) => path[0] === name && path.length > 1);
    return inSection.map((setting) => {
      const key = [formerly, ...setting.path.slice(1)].map(kebab).join('.');
      return { ...setting, key, variable: variableOf(key), flags: [key], renamedTo: setting };
    });
  });
}

function leaves(schema: TSchema, path: readonly string[]): Setting[] {
  const { properties } = keywords(schema);
  if (properties === undefined) return [settingOf(schema, path)];
  return Object.entries(properties).flatMap(([name, child]) => leaves(child, [...path, name]));
}

function settingOf(schema: TSchema, path: readonly string[]): Setting {
  const { default: preset, description, flag, alsoCalled = [] } = keywords(schema);
  const key = path.map(kebab).join('.');
  const optional = IsOptional(schema);
  if (description === undefined) throw new TypeError(`the setting ${key} has no description`);
  if (preset === undefined && !optional) throw new TypeError(`the setting ${key} has no default`);
  const kind = kindOf(schema);
  if (kind === undefined) throw new TypeError(`the setting ${key} is of a type that settings do not have`);
  return {
    path,
    key,
    variable: variableOf(key),
    flags: flag === undefined || flag === key ? [key] : [flag, key],
    kind,
    schema,
    optional,
    default: preset,
    description,
    allowed: allowedBy(schema),
    alsoCalled,
  };
}

function kindOf(schema: TSchema): SettingKind | undefined {
  const { type, patternProperties } = keywords(schema);
  if (choicesOf(schema) !== undefined) return 'choice';
  if (type === 'string') return 'text';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  if (type === 'array') return 'list';
  return patternProperties === undefined ? undefined : 'map';
}

/** The texts of a `Type.Enum` or of a `Type.Union` of literals. */
export function choicesOf(schema: TSchema): readonly string[] | undefined {
  const { anyOf, enum: listed } = keywords(schema);
  const values = listed ?? anyOf?.map((option) => option.const);
  return values?.every((value) => typeof value === 'string') === true ? values : undefined;
}

function allowedBy(schema: TSchema): string {
  const { allowed, items, patternProperties, minimum, maximum, minItems, maxItems } = keywords(schema);
  if (allowed !== undefined) return allowed;
  const kind = kindOf(schema);
  if (kind === 'choice') return alternatives(choicesOf(schema) ?? []);
  if (kind === 'boolean') return 'true or false';
  if (kind === 'integer') return `an integer${range(minimum, maximum)}`;
  if (kind === 'number') return `a number${range(minimum, maximum)}`;
  if (kind === 'list')
    return `a list${range(minItems, maxItems, ' items')} of ${items === undefined ? 'values' : allowedBy(items)}`;
  if (kind === 'map') {
    const [value] = Object.values(patternProperties ?? {});
    return `names, each with ${value === undefined ? 'a value' : allowedBy(value)}`;
  }
  return allowedText(schema);
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function allowedText(schema: TSchema): string {
  const { minLength, maxLength, pattern } = keywords(schema);
  if (pattern !== undefined) return `text matching ${String(pattern)}`;
  if (minLength === 1 && maxLength === undefined) return 'text that is not empty';
  return `text${range(minLength, maxLength, ' characters')}`;
}

function range(from: number | undefined, to: number | undefined, what = ''): string {
  if (from !== undefined && to !== undefined) return ` from ${from} to ${to}${what}`;
  if (from !== undefined) return ` of at least ${from}${what}`;
  return to === undefined ? '' : ` of at most ${to}${what}`;
}

/** True when `value` is what the schema allows; a map may hold no name that its pattern does not match. */
export function isAllowed({ kind, schema }: Setting, value: unknown): boolean {
  if (!Value.Check(schema, value)) return false;
  if (kind !== 'map') return true;
  const patterns = Object.keys(keywords(schema).patternProperties ?? {}).map(
    (pattern) => new RegExp(pattern),
  );
  return Object.keys(value as object).every((name) => patterns.some((pattern) => pattern.test(name)));
}

/** A setting's value from the text of a variable or flag; `undefined` when the text cannot be one. Not yet checked. */
export function valueFromText(setting: Setting, text: string): unknown {
  const { kind, schema } = setting;
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (kind === 'integer' || kind === 'number') return numberFrom(text);
  if (kind === 'list') return elements(text).map((element) => elementFrom(keywords(schema).items, element));
  if (kind === 'map') return mapFrom(elements(text));
  return text;
}

function mapFrom(pairs: readonly string[]): Record<string, string> | undefined {
  const entries = pairs.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, Math.max(0, at)).trim(), pair.slice(at + 1).trim()];
  });
  return entries.some(([name]) => name === '') ? undefined : Object.fromEntries(entries);
}

/** Decimal notation only: `0x10`, `1e3`, ` 7` and the empty text are more likely mistakes. */
function numberFrom(text: string): number | undefined {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function elements(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

function elementFrom(schema: TSchema | undefined, text: string): unknown {
  const type = schema === undefined ? undefined : keywords(schema).type;
  return type === 'integer' || type === 'number' ? numberFrom(text) : text;
}
