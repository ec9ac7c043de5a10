/* What strangers send, changed at random: `npm run fuzz -- --minutes 5 [--seed S] [--target NAME [--input HEX]]`. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    target: { type: 'string' },
    input: { type: 'string' },
  },
});
const seed = Number(values.seed);
const all = await targets();
const chosen = all.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0 || !Number.isInteger(seed) || !(Number(values.minutes) > 0)) {
  process.stderr.write(
    `--target is one of: ${all.map(({ name }) => name).join(', ')}; --seed and --minutes are numbers\n`,
  );
  process.exit(2);
}
process.stdout.write(`seed ${seed}\n`);
let failed = 0;
let sum = 0;
for (const target of chosen) {
  if (values.input !== undefined) {
    await target.run(Buffer.from(values.input, 'hex'));
    process.stdout.write(`${target.name}: nothing is wrong with this input\n`);
    continue;
  }
  const ends = performance.now() + (Number(values.minutes) * 60_000) / chosen.length;
  const { figures, finding } = await fuzz(target, { seed, isOver: () => performance.now() >= ends });
  const { inputs, seconds } = figures;
  sum += inputs;
  process.stdout.write(
    `${target.name.padEnd(20)} ${String(inputs).padStart(10)} inputs  ${Math.round(inputs / seconds)}/s\n`,
  );
  if (finding === undefined) continue;
  failed++;
  process.stdout.write(
    `  ${finding.what}\n  npm run fuzz -- --target '${finding.target}' --input ${finding.input}\n`,
  );
}
for (const target of all) await target.close?.();
process.stdout.write(`${sum} inputs, ${failed} of ${chosen.length} targets failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
