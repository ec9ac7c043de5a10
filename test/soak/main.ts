/*
 * Everything that may befall a home, over and over, with people who remember what they were answered:
 * `npm run soak -- --minutes 60 [--seed S]`. Ends with a table, and with 1 when anything was lost, or was wrong without a word.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { spawnSync } from '../support/programs.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string', default: '' },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isInteger(seed)) {
  process.stderr.write(
    'npm run soak -- --minutes N [--seed S] [--only outages,damage,…]: N and S are numbers\n',
  );
  process.exit(2);
}

const inside = 'SOAK_INSIDE';
if (process.getuid?.() === 0 && process.env[inside] === undefined) {
  // Mounts in a namespace of their own end with it, however this ends.
  const words = ['--mount', '--propagation', 'private', process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', [...words, '--seed', String(seed)], {
    stdio: 'inherit',
    env: { ...process.env, [inside]: '1' },
  });
  process.exit(status ?? 1);
}

process.stdout.write(`seed ${seed}\n`);
const folder = mkdtempSync(join(tmpdir(), 'porchlight-soak-'));
try {
  const only = values.only === '' ? undefined : values.only.split(',');
  const tallies = await soak({
    folder,
    minutes,
    seed,
    only,
    say: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${tallies.table()}\n`);
  if (!tallies.isWell) process.stdout.write(`\n${tallies.details()}\n`);
  process.exitCode = tallies.isWell ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
