/* Every check there is, in one run: `npm test`. Arguments go to vitest (`npm test -- test/box`). */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closing, type Report } from './support/report.ts';

interface Check {
  name: string;
  command: readonly string[];
}

const quick: readonly Check[] = [
  { name: 'types', command: ['tsc'] },
  { name: 'types of the pages', command: ['tsc', '-p', 'src/web'] },
  { name: 'lint', command: ['oxlint', '--deny-warnings', 'image', 'src', 'test'] },
  { name: 'format', command: ['oxfmt', '--check', 'image', 'src', 'test'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
];

const folder = mkdtempSync(join(tmpdir(), 'porchlight-check-'));
const results = join(folder, 'results.json');
process.env['TEST_REPORT'] = results;
const only = process.argv.slice(2);

let passed = 0;
let failed = 0;
for (const check of quick) {
  if (await run(check, 'quiet')) passed++;
  else failed++;
}
const allPassed = await run({ name: 'tests', command: ['vitest', 'run', ...only] }, 'loud');
const counts = testReport();
rmSync(folder, { recursive: true });
passed += counts.passed;
// What fails outside of any test (a file that cannot be loaded, processes left behind) is a failure too.
failed += Math.max(counts.failed, allPassed ? 0 : 1);
process.stdout.write(`\n${closing(counts)}`);
process.stdout.write(
  `\n${passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}\n`,
);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs one check and says whether it passed; its output is shown when it fails (`quiet`) or as it comes (`loud`). */
async function run(check: Check, output: 'quiet' | 'loud'): Promise<boolean> {
  const [command = '', ...args] = check.command;
  const begun = performance.now();
  const chunks: Buffer[] = [];
  const child = spawn(command, args, {
    stdio: ['ignore', output === 'loud' ? 'inherit' : 'pipe', output === 'loud' ? 'inherit' : 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', resolve);
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  if (code !== 0) process.stdout.write(Buffer.concat(chunks));
  process.stdout.write(`${code === 0 ? '✓' : '✗'} ${check.name} (${seconds} s)\n`);
  return code === 0;
}

function testReport(): Report {
  try {
    return JSON.parse(readFileSync(results, 'utf8')) as Report;
  } catch {
    process.stdout.write('the tests left no report\n');
    return { passed: 0, failed: 1, skipped: 0, repeated: [], files: [], seed: Number.NaN };
  }
}
