import { describe, expect, it } from 'vitest';
import { allTargets } from './all-targets.ts';
import { attempt, fuzz, smallest, type Target } from './fuzzing.ts';
import { Chance, mutated } from './mutate.ts';

/** The same inputs each time. `npm run fuzz -- --minutes N` goes on with others. */
const seed = 1;
/** At most this long for each target, and so many inputs: some twenty seconds for all. */
const [forMs, inputs] = [2000, 20_000];

const targets = await allTargets();

describe('what strangers may send', () => {
  it.each(targets.map((target) => [target.name, target] as const))('%s', async (_name, target) => {
    // What is right is taken, or nothing after it would mean much.
    for (const right of target.seeds) expect(await attempt(target, right)).toBeTypeOf('string');
    const outcome = await fuzz(target, seed, forMs, inputs);
    expect(outcome.found).toBeUndefined();
    expect(outcome.inputs).toBeGreaterThan(50);
    // More than one way through the reader was taken.
    expect(Object.keys(outcome.answers).length).toBeGreaterThan(1);
  });
});

describe('the search', () => {
  const fragile: Target = {
    name: 'fragile',
    seeds: [Buffer.from('length=3;abc'), Buffer.from('length=0;')],
    words: [Buffer.from('\r\n')],
    read: (input) => {
      if (input.includes('\r\n') && input.includes(';')) throw new Error('it fell over');
      return 'read';
    },
  };

  it('finds what falls over, the same with the same seed, and makes it small', async () => {
    const [first, second] = [await fuzz(fragile, 7, 10_000), await fuzz(fragile, 7, 10_000)];
    expect(first.found?.why).toContain('it fell over');
    expect(second.found?.input).toEqual(first.found?.input);
    expect(second.inputs).toBe(first.inputs);
    if (first.found === undefined) return;
    expect((await smallest(fragile, first.found)).input).toHaveLength(3);
  });

  it('calls a reader that takes too long wrong, too', async () => {
    const slow: Target = {
      ...fragile,
      read: () => {
        for (const end = process.cpuUsage().user + 1_200_000; process.cpuUsage().user < end;);
        return 'read';
      },
    };
    expect(await attempt(slow, Buffer.from('x'))).toMatchObject({
      why: expect.stringContaining('it took') as string,
    });
  });

  it('changes inputs, and not all of them beyond recognition', () => {
    const made = Array.from({ length: 1000 }, (_, n) =>
      mutated(fragile, new Chance(`x ${n}`)).toString('latin1'),
    );
    expect(new Set(made).size).toBeGreaterThan(500);
    expect(made.filter((text) => text.startsWith('length=')).length).toBeGreaterThan(300);
    expect(made.every((text) => text.length <= 8192)).toBe(true);
  });
});
