import { describe, expect, it } from 'vitest';
import { FairRate } from '../../../src/kit/http/fair-rate.ts';

const rates = {
  client: { burst: 20, perSecond: 1 },
  own: { burst: 2, perSecond: 0.1 },
  all: { burst: 30, perSecond: 1 },
};

describe('a rate that all share', () => {
  it.each([2, 10, 50])('%i clients that use it up keep out nobody who asks for little', (crowd) => {
    const rate = new FairRate(rates);
    let taken = 0;
    for (let round = 0; round < 40; round++) {
      for (let client = 0; client < crowd; client++) {
        try {
          rate.take(`client ${client}`, 0, 'calls');
          taken++;
        } catch {
          continue;
        }
      }
    }
    expect(taken).toBeLessThanOrEqual(30 + 2 * crowd);
    expect(() => rate.take('small', 0, 'calls')).not.toThrow();
    expect(() => rate.take('small', 0, 'calls')).not.toThrow();
  });

  it('has a limit for each client, who uses up nothing of others beyond it', () => {
    const rate = new FairRate(rates);
    for (let number = 0; number < 20; number++) rate.take('one', 0, 'calls');
    for (let number = 0; number < 100; number++)
      expect(() => rate.take('one', 0, 'calls')).toThrow('too many calls');
    for (let number = 0; number < 14; number++) rate.take('two', 0, 'calls');
  });
});
