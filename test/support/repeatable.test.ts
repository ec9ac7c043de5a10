import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './folder.ts';
import { spawnSync } from './programs.ts';
import { hasProperties, mayRepeat, repeatable } from './repeatable.ts';
import { closing, type Report } from './report.ts';

const root = resolve(import.meta.dirname, '../..');
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ path: `test/${name}`, text: readFileSync(join(root, 'test', name), 'utf8') }));

describe('what may be repeated', () => {
  it('is there, and is not everything', () => {
    expect(repeatable.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const files = tests.filter(({ path }) => path.endsWith('.test.ts'));
    const some = files.filter(({ path, text }) => mayRepeat(path, text));
    expect(some.length).toBeGreaterThan(20);
    expect(some.length).toBeLessThan(files.length / 2);
  });

  it('has no properties', () => {
    const properties = tests.filter(({ text }) => hasProperties(text));
    expect(properties.length).toBeGreaterThan(30);
    expect(properties.filter(({ path, text }) => mayRepeat(path, text))).toEqual([]);
    // Those that a file has from another one would not be seen.
    const hidden = tests.filter(
      ({ text }) => /\bfc\.(assert|check|property)\b/.test(text) && !hasProperties(text),
    );
    expect(hidden.map(({ path }) => path)).toEqual([]);
  });

  it('is said nowhere else', () => {
    const others = tests.filter(
      ({ path, text }) => /\bretry: ?[1-9]|\brepeats:/.test(text) && !path.includes('support/'),
    );
    expect(others.map(({ path }) => path)).toEqual([]);
  });
});

/** A project of its own with this one's settings, of which each test fails the first time. */
function runOf(
  files: Record<string, string>,
  env: Record<string, string>,
): { report: Report; output: string } {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `export { default } from '${join(root, 'vitest.config.ts')}';\n`,
  );
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--root', folder], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TEST_REPORT: join(folder, 'report.json'), NO_COLOR: '1', ...env },
  });
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  return { report, output: `${stdout.toString()}${stderr.toString()}` };
}

const failsOnce =
  "import { expect, it } from 'vitest';\nlet times = 0;\nit('x', () => expect(++times).toBe(2));\n";
const property = `import * as fc from 'fast-check';
import { it } from 'vitest';
let times = 0;
it('x', () => {
  if (times++ === 0) fc.assert(fc.property(fc.integer(), (n) => n < 1000));
});
`;

describe('a run', () => {
  const files = {
    'test/home/waits.test.ts': failsOnce,
    'test/kit/waits.test.ts': failsOnce,
    'test/home/property.test.ts': property,
  };

  it('repeats in CI what is named, never a property, and tells the seed', () => {
    const { report, output } = runOf(files, { CI: '1', TEST_SEED: '4711' });
    expect(report).toMatchObject({
      passed: 1,
      failed: 2,
      seed: 4711,
      repeated: [{ file: 'test/home/waits.test.ts', name: 'x', passed: true }],
    });
    expect(output).toContain('seed: 4711');
    expect(report.files).toHaveLength(3);
  });

  it('repeats nothing elsewhere', () => {
    expect(runOf({ 'test/home/waits.test.ts': failsOnce }, {}).report).toMatchObject({
      failed: 1,
      repeated: [],
    });
  });

  it('closes with the ten slowest files, the seed, and what was repeated and how often', () => {
    const lines = closing({
      passed: 1,
      failed: 0,
      skipped: 0,
      seed: 7,
      files: Array.from({ length: 12 }, (_, n) => ({ file: `test/${n}.test.ts`, ms: 1000 * n })),
      repeated: [{ file: 'test/home/a.test.ts', name: 'the home > waits', passed: true }],
    }).split('\n');
    expect(lines.slice(0, 2)).toEqual(['The slowest files:', '   11.0 s  test/11.test.ts']);
    expect(lines.filter((line) => line.includes(' s  test/'))).toHaveLength(10);
    expect(lines).toContain('Properties had the seed 7; the same again: TEST_SEED=7 npm test -- FILE');
    expect(lines).toContain('Repeated, because they wait for other processes: 1');
    expect(lines.at(-2)).toBe('  ↻ test/home/a.test.ts > the home > waits (passed the second time)');
  });
});
