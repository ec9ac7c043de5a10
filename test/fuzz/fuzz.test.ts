import { afterAll, describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { mutant, seeded } from './mutate.ts';
import { type Target, targets } from './targets.ts';

const all = await targets();
afterAll(async () => {
  for (const target of all) await target.close?.();
});

/** A fixed seed: what fails here fails everywhere. `npm run fuzz` takes new ones. */
const seed = 20_261_130;

describe('bytes of strangers, changed at random', () => {
  it.each(all.map((target) => [target.name, target] as const))('break nothing: %s', async (name, target) => {
    const most = name === 'http' ? 300 : 6000;
    const { figures, finding } = await fuzz(target, { seed, isOver: (inputs) => inputs >= most });
    expect(finding).toBeUndefined();
    expect(figures.inputs).toBe(most);
  });

  it('find what is broken, and give it back as it was', async () => {
    const broken: Target = {
      name: 'broken',
      seeds: [Buffer.from('hello')],
      run: (bytes) => {
        if (bytes.includes(0xff)) throw new TypeError('it cannot be read');
      },
    };
    const { finding } = await fuzz(broken, { seed, isOver: (inputs) => inputs >= 10_000 });
    expect(finding?.what).toBe('it cannot be read');
    expect(Buffer.from(finding?.input ?? '', 'hex').includes(0xff)).toBe(true);
  });

  it('are the same for the same seed', () => {
    expect(some()).toEqual(some());
    expect(new Set(some()).size).toBeGreaterThan(30);
  });
});

function some(): string[] {
  const random = seeded(7);
  const seeds = [Buffer.from('one'), Buffer.from('two')];
  return Array.from({ length: 50 }, () => mutant(seeds, random).toString('hex'));
}
