/* npm run fuzz -- --minutes N [--seed S] [--target NAME] [--input FILE]: what strangers may send, against what reads it. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attempt, fuzz, keep, smallest, type Target } from './fuzzing.ts';
import { allTargets } from './all-targets.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    target: { type: 'string' },
    input: { type: 'string' },
  },
});
const folder = join(import.meta.dirname, '../../test-output/fuzz');
const all = await allTargets();
const targets = values.target === undefined ? all : all.filter(({ name }) => name === values.target);
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (targets.length === 0 || !(minutes > 0) || !Number.isInteger(seed)) {
  say(
    `usage: npm run fuzz -- [--minutes N] [--seed N] [--target NAME [--input FILE]]\ntargets: ${all.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
process.exitCode = values.input === undefined ? await run() : await again(targets, values.input);

async function run(): Promise<number> {
  say(`seed ${seed}; ${minutes} minutes for ${targets.length} targets`);
  let [inputs, faults] = [0, 0];
  for (const target of targets) {
    const outcome = await fuzz(target, seed, (minutes * 60_000) / targets.length);
    inputs += outcome.inputs;
    const rate = Math.round(outcome.inputs / (outcome.ms / 1000));
    const answers = Object.entries(outcome.answers).map(
      ([answer, count]) => `${answer} ${((100 * count) / outcome.inputs).toFixed(1)} %`,
    );
    say(
      `${outcome.found === undefined ? '✓' : '✗'} ${target.name.padEnd(18)} ${String(outcome.inputs).padStart(9)} inputs, ${String(rate).padStart(6)} a second: ${answers.join(', ')}`,
    );
    if (outcome.found === undefined) continue;
    faults++;
    const least = await smallest(target, outcome.found);
    say(
      `  ${least.why.replaceAll('\n', '\n  ')}\n  again: npm run fuzz -- --target ${target.name} --input ${keep(least, folder)}`,
    );
  }
  say(
    `${inputs} inputs in ${minutes} minutes with seed ${seed}: ${faults === 0 ? 'nothing went wrong' : `${faults} targets failed`}`,
  );
  return faults === 0 ? 0 : 1;
}

async function again([target]: readonly Target[], path: string): Promise<number> {
  if (target === undefined) return 2;
  const answer = await attempt(target, readFileSync(path));
  say(typeof answer === 'string' ? `✓ ${target.name}: ${answer}` : `✗ ${target.name}: ${answer.why}`);
  return typeof answer === 'string' ? 0 : 1;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
