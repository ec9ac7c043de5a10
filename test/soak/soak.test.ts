import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { execFile } from '../support/programs.ts';
import { environmentOf } from './program.ts';
import { Random } from './random.ts';
import { slopeOf } from './slope.ts';

/** What `npm run soak` prints, with what it says beside it when it fails. */
async function soaked(...words: string[]): Promise<string> {
  const args = [join(import.meta.dirname, 'main.ts'), '--seed', '20', ...words];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}\n${error.stderr}` }),
  );
  return stdout;
}

describe('a home to which everything happens', () => {
  it('loses nothing that was answered, and is wrong in nothing without a word', async () => {
    expect(await soaked('--minutes', '2', '--only', 'outages,damage')).toMatch(
      /^\| all \| \d+ \| 0 \| 0 \|/m,
    );
  }, 500_000);

  it('takes no more and more memory, descriptors, sockets or timers', async () => {
    expect(await soaked('--minutes', '1', '--only', 'growth')).toMatch(/^\| all \| \d+ \| 0 \| 0 \|/m);
  }, 300_000);
});

it('the unit of the box tells V8 and glibc what there is for them', () => {
  const environment = environmentOf('porchlight-box.service');
  expect(environment['NODE_OPTIONS']).toMatch(/^--max-semi-space-size=\d+ --max-old-space-size=\d+$/);
  expect(environment['MALLOC_ARENA_MAX']).toBe('2');
});

describe('the slope', () => {
  const random = new Random(1);
  const noise = Array.from({ length: 240 }, () => random.next() * 10);

  it('of noise may be none, and of noise that rises is the rise', () => {
    const flat = slopeOf(noise);
    expect([flat.least < 0, flat.most > 0]).toEqual([true, true]);
    const risen = slopeOf(noise.map((value, index) => value + index));
    expect(risen.least).toBeGreaterThan(200);
    expect(risen.most).toBeLessThan(240);
  });
});
