import { expect, it } from 'vitest';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { Correction } from '../../../src/kit/trusted-time/policy.ts';
import { followCorrections } from '../../../src/kit/trusted-time/redate.ts';

it('a store that cannot be written keeps nobody from knowing the time, and is told again of what comes', () => {
  const corrections = new OwnedFact<readonly Correction[]>([]);
  const told: string[][] = [];
  const broken = (all: readonly Correction[]): void => {
    told.push(all.map(({ id }) => id));
    throw new Error('the disk is full');
  };
  const end = followCorrections(corrections, broken, silentLog);
  const one = { id: 'one', since: 0, until: 1, step: 2 };
  corrections.set([one]);
  corrections.set([one, { ...one, id: 'two' }]);
  end();
  corrections.set([]);
  expect(told).toEqual([[], ['one'], ['one', 'two']]);
});
