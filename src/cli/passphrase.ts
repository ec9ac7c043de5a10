import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Io } from '../kit/config/command.ts';
import { Problem } from '../kit/runtime/errors.ts';

/**
 * A passphrase from the person at the terminal, who does not see it, or else the first line of the input: never from the
 * arguments, which every process on the machine can read. With `again` a person types it twice.
 */
export async function askPassphrase(io: Io, options: { again: boolean }): Promise<string> {
  if (!process.stdin.isTTY) return typed();
  io.err('Passphrase: ');
  const passphrase = await typed();
  if (options.again) {
    io.err('\nOnce more: ');
    if ((await typed()) !== passphrase) throw new Problem('usage', 'these are two different passphrases');
  }
  io.err('\n');
  return passphrase;
}

/** A line of the input; nothing of it is shown. */
async function typed(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = createInterface({
    input: process.stdin,
    output: nowhere,
    terminal: process.stdin.isTTY,
    crlfDelay: Infinity,
  });
  try {
    for await (const line of input) return line;
    throw new Problem('usage', 'there is no passphrase in the input');
  } finally {
    input.close();
  }
}
