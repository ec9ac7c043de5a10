import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairShares } from '../../../src/kit/http/fair-shares.ts';

function sharesOf(most: number): { shares: FairShares<string>; lost: string[] } {
  const lost: string[] = [];
  return { shares: new FairShares<string>({ most, onLost: (item) => lost.push(item) }), lost };
}

describe('fair shares', () => {
  it('let one client have everything while nobody else wants any', () => {
    const { shares, lost } = sharesOf(8);
    for (let number = 0; number < 8; number++) shares.add(`item ${number}`, 'one');
    expect([shares.of('one'), shares.total, lost]).toEqual([8, 8, []]);
  });

  it('take from who holds most what was not used for longest', () => {
    const { shares, lost } = sharesOf(4);
    for (const item of ['a', 'b', 'c']) shares.add(item, 'many');
    shares.add('x', 'few');
    shares.used('a');
    shares.add('y', 'few');
    expect(lost).toEqual(['b']);
    // Now both hold two; a third one comes, and then one of those who hold most brings another.
    shares.add('new', 'third');
    expect(lost).toHaveLength(2);
    expect(shares.has('new')).toBe(true);
  });

  it('say before who would lose by it', () => {
    const { shares } = sharesOf(2);
    shares.add('a', 'one');
    expect(shares.wouldCostItself('one')).toBe(false);
    shares.add('b', 'one');
    expect(shares.wouldCostItself('one')).toBe(true);
    expect(shares.wouldCostItself('other')).toBe(false);
  });

  it('refuse only what fits nowhere', () => {
    const { shares } = sharesOf(10);
    expect(shares.add('big', 'one', 11)).toBe(false);
    expect(shares.add('big', 'one', 10)).toBe(true);
    expect(shares.add('small', 'two', 3)).toBe(true);
    expect([shares.has('big'), shares.total]).toEqual([false, 3]);
  });

  it.each([2, 10, 50])('%i clients that take all they can leave a small client what it holds', (crowd) => {
    const { shares, lost } = sharesOf(256);
    shares.add('mine', 'small');
    for (let round = 0; round < 200; round++)
      for (let client = 0; client < crowd; client++) shares.add(`${client}.${round}`, `client ${client}`);
    expect(lost).not.toContain('mine');
    shares.add('another of mine', 'small');
    shares.add('a third', 'new');
    expect(['mine', 'another of mine', 'a third'].map((item) => shares.has(item))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('never hold more than there is, and nobody loses who holds less than the newcomer', () => {
    const step = fc.record({
      client: fc.constantFrom('a', 'b', 'c', 'd'),
      size: fc.integer({ min: 1, max: 7 }),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const holders = new Map<string, string>();
        let adding = { client: '', size: 0 };
        let unjust = false;
        const shares = new FairShares<string>({
          most: 20,
          onLost: (item) => {
            const client = holders.get(item) ?? '';
            const newcomer = shares.of(adding.client) + adding.size;
            unjust ||= client !== adding.client && shares.of(client) + 7 < newcomer;
          },
        });
        for (const [number, { client, size, remove }] of steps.entries()) {
          adding = { client, size };
          holders.set(`${number}`, client);
          shares.add(`${number}`, client, size);
          expect(shares.has(`${number}`)).toBe(true);
          if (remove) shares.remove(`${number - 1}`);
          expect(shares.total).toBeLessThanOrEqual(20);
          const sum = ['a', 'b', 'c', 'd'].reduce((total, one) => total + shares.of(one), 0);
          expect(sum).toBe(shares.total);
          expect(unjust).toBe(false);
        }
      }),
    );
  });
});
