import { spawn } from '../support/programs.ts';
import { join } from 'node:path';
import type { Command } from '../../src/kit/config/command.ts';

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** The real command, in a process of its own. */
export function porchlight(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const ran: Ran = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (ran.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (ran.err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...ran, code }));
  });
}

/** The same within this process, which spares the start of another one. */
export async function run(
  command: Command,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const ran: Ran = { code: null, out: '', err: '' };
  ran.code = await command.run(args, {
    env,
    out: (text) => (ran.out += text),
    err: (text) => (ran.err += text),
    terminal: false,
  });
  return ran;
}

/** Lines that are too long for a terminal, but for those with a word that cannot be broken (a URL with a box id). */
export function tooLong(text: string): string[] {
  return text.split('\n').filter((line) => line.length > 80 && !/\S{50}/.test(line));
}
