import type { TObject } from 'typebox';
import { configFileSetting, type Setting, settingsOf } from './settings.ts';
import { wrapped } from '../runtime/wrapped.ts';

/** Every setting of a program as a Markdown table, for docs/. */
export function configTable(schema: TObject): string {
  const rows = settingsOf(schema).map((setting) => [
    code(setting.key),
    code(setting.variable),
    setting.flags.map((flag) => code(`--${flag}`)).join(', '),
    prose(setting.allowed),
    setting.default === undefined ? '' : code(defaultText(setting)),
    prose(setting.description),
  ]);
  const head = ['Key', 'Variable', 'Flag', 'Allowed', 'Default', 'Meaning'];
  const lines = [head, head.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')}\n`;
}

/** The settings for `--help`: a line of flag and value, then meaning, default and variable. */
export function helpOf(schema: TObject): string {
  const file = `  --${configFileSetting.flag} FILE\n      Read the settings from this TOML file. [${configFileSetting.variable}]\n`;
  return file + settingsOf(schema).map(helpOfSetting).join('');
}

function helpOfSetting(setting: Setting): string {
  const [flag] = setting.flags;
  const usage = setting.kind === 'boolean' ? `--${flag}, --no-${flag}` : `--${flag} ${placeholder(setting)}`;
  const preset = isEmpty(setting.default) ? 'not set' : `default ${defaultText(setting)}`;
  const meaning = wrapped(`${setting.description} (${preset}) [${setting.variable}]`, '      ');
  return `  ${usage}\n${meaning}\n`;
}

function placeholder({ kind, allowed }: Setting): string {
  if (kind === 'choice') return allowed.replaceAll(/, | or /g, '|');
  if (kind === 'list') return 'A,B,…';
  if (kind === 'map') return 'NAME=VALUE,…';
  return kind === 'text' ? 'TEXT' : 'N';
}

function isEmpty(preset: unknown): boolean {
  if (preset === undefined || preset === '') return true;
  return typeof preset === 'object' && preset !== null && Object.keys(preset).length === 0;
}

/** A default as a person would write it into the file. */
function defaultText(setting: Setting): string {
  return JSON.stringify(setting.default);
}

const code = (text: string): string => `\`${text}\``;
/** Text in which Markdown and HTML find nothing to do, but for code in backticks. */
const prose = (text: string): string => text.replaceAll(/[\\*_<[\]]/g, '\\$&');
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
