import type { TObject } from 'typebox';
import { formerNamesOf, type Setting, settingsOf } from './settings.ts';

/** One table of a settings file, or a value of it. */
interface Node {
  [keyword: string]: unknown;
  properties?: Record<string, Node>;
}

/**
 * The JSON Schema of a settings file, for editors: keys, what they mean, their defaults and what is allowed. Draft 7, which is
 * what editors of TOML read. What it refuses the program refuses too, but for the card, whose reader is patient.
 */
export function configSchema(
  schema: TObject,
  { title, secrets = 'refused' }: { title: string; secrets?: 'refused' | 'allowed' },
): object {
  const settings = settingsOf(schema, secrets);
  const root: Node = table();
  for (const setting of settings) place(root, setting);
  for (const setting of formerNamesOf(schema, settings))
    place(root, setting, { deprecated: true, description: `called ${setting.renamedTo?.key} now` });
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...root };
}

const table = (): Node => ({ type: 'object', properties: {}, additionalProperties: false });

function place(root: Node, setting: Setting, more: object = {}): void {
  const names = setting.key.split('.');
  const last = names.pop() ?? '';
  let node = root;
  for (const name of names) node = (node.properties ??= {})[name] ??= table();
  (node.properties ??= {})[last] = { ...valueOf(setting), ...more };
}

/** The setting's own schema, with what only our reader knows said in words. */
function valueOf({ kind, schema, description, allowed, optional, default: preset }: Setting): Node {
  const { flag: _flag, allowed: _allowed, alsoCalled: _others, ...keywords } = schema as Node;
  return {
    ...keywords,
    ...(kind === 'map' ? { additionalProperties: false } : {}),
    ...(optional || preset === undefined ? {} : { default: preset }),
    description: `${description} (${allowed})`,
  };
}
