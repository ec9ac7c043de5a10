import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Chance, mutated } from './mutate.ts';

/** Something of ours that reads what strangers send. */
export interface Target {
  name: string;
  seeds: readonly Buffer[];
  words: readonly Buffer[];
  /**
   * Reads the input, and answers a word for what came of it. Throws for what must not happen: an error that is not one of
   * those that the reader says it throws, or an answer that does not fit to another one.
   */
  read(input: Buffer): string | Promise<string>;
}

export interface Found {
  target: string;
  input: Buffer;
  why: string;
}

export interface Outcome {
  target: string;
  inputs: number;
  ms: number;
  /** How often each answer was given. */
  answers: Readonly<Record<string, number>>;
  found: Found | undefined;
}

/** Longer than this with one input (processor time, whatever else the machine does) is an attack, too. */
const slowMs = 1000;

/** Reads what chance makes, until the time is over or something is found. The same seed gives the same inputs. */
export async function fuzz(target: Target, seed: number, forMs: number, most = Infinity): Promise<Outcome> {
  const answers: Record<string, number> = {};
  const begun = performance.now();
  let inputs = 0;
  let found: Found | undefined;
  while (found === undefined && inputs < most && performance.now() - begun < forMs) {
    // Others have to come to their turn: signals, sockets.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = 0; batch < 50 && found === undefined; batch++) {
      const input = mutated(target, new Chance(`${seed} ${target.name} ${inputs++}`));
      const answer = await attempt(target, input);
      if (typeof answer === 'string') answers[answer] = (answers[answer] ?? 0) + 1;
      else found = answer;
    }
  }
  return { target: target.name, inputs, ms: performance.now() - begun, answers, found };
}

/** One input: the answer, or what is wrong. */
export async function attempt(target: Target, input: Buffer): Promise<string | Found> {
  const before = process.cpuUsage();
  try {
    // The reader may do with its bytes what it likes.
    const answer = await target.read(Buffer.from(input));
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < slowMs) return answer;
    return { target: target.name, input, why: `it took ${Math.round((user + system) / 1000)} ms` };
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { target: target.name, input, why };
  }
}

/** Smaller inputs that go wrong as well: each piece is left out that is not needed for it. */
export async function smallest(target: Target, found: Found): Promise<Found> {
  let best = found;
  for (let size = best.input.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length;) {
      const input = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const answer = await attempt(target, input);
      if (typeof answer === 'string') at += size;
      else best = answer;
    }
  }
  return best;
}

/** Keeps an input, and answers where: given back with `--input`, it does the same again. */
export function keep(found: Found, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${found.target}-${found.input.length}-${Date.now()}.bin`);
  writeFileSync(path, found.input);
  return path;
}
