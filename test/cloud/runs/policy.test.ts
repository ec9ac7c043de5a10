import { describe, expect, it } from 'vitest';
import { type Claim, judge, type KnownRun, runTiming, type Verdict } from '../../../src/cloud/runs/policy.ts';
import { minutes, seconds } from '../../../src/kit/runtime/clock.ts';

const now = 1_000_000;
const timing = { ...runTiming, startedAt: 0 };

/** The run `A`, last heard so long ago. */
const known = (presence: KnownRun['presence'], agoMs: number, followed?: string): KnownRun => ({
  run: 'A',
  presence,
  heardAt: now - agoMs,
  followed,
});
const newcomer: Claim = { run: 'B', before: undefined, copy: false };
const successor: Claim = { run: 'B', before: 'A', copy: false };
const copy: Claim = { run: 'B', before: 'A', copy: true };

const rows: [what: string, KnownRun | undefined, Claim, Verdict][] = [
  ['the first that is heard of', undefined, newcomer, 'take-over'],
  ['the same again', known('holds', seconds(60)), { ...newcomer, run: 'A' }, 'same'],
  ['the same, after it was silent for long', known('cut', minutes(60)), { ...newcomer, run: 'A' }, 'same'],

  ['a restart after a goodbye', known('ended', 10), successor, 'take-over'],
  ['a restart after a kill: the kernel closed the connection', known('cut', 10), successor, 'take-over'],
  ['a restart after a power cut: the connection seems open', known('holds', seconds(60)), successor, 'ask'],
  ['a restart where calls are not held', known('calls', seconds(1)), successor, 'follow'],
  ['a card without the run before, after a goodbye', known('ended', 10), newcomer, 'take-over'],
  ['the same after a kill: the line may have dropped', known('cut', 10), newcomer, 'ask'],
  ['the same, when nobody came back', known('cut', seconds(4)), newcomer, 'take-over'],

  ['a copied card, hot', known('holds', seconds(1)), successor, 'ask'],
  ['the same, between two calls of the other one', known('between', 0), successor, 'ask'],
  [
    'the same, and the other one answered',
    known('between', 10),
    { ...successor, askedAt: now - 20 },
    'refuse',
  ],
  ['a copied card, cold', known('holds', seconds(1)), newcomer, 'ask'],
  ['a copied card where calls are not held', known('calls', seconds(100)), newcomer, 'refuse'],
  ['the same, the other one silent for two calls', known('calls', minutes(12)), newcomer, 'take-over'],
  [
    'one whose place was taken on the other’s word, and lives',
    known('calls', 10, 'B'),
    newcomer,
    'take-back',
  ],

  ['a copy while the first lives', known('holds', seconds(1)), copy, 'refuse'],
  ['a copy asks again', known('holds', seconds(30)), copy, 'ask'],
  ['a copy while the first restarts', known('ended', seconds(30)), copy, 'refuse'],
  ['a copy while the first is moved', known('cut', minutes(2)), copy, 'refuse'],
  ['a copy, the first gone', known('ended', minutes(3)), copy, 'take-over'],
  ['a copy, the first dead', known('cut', minutes(3)), copy, 'take-over'],
  ['a copy where calls are not held does not follow', known('calls', seconds(1)), copy, 'refuse'],
];

describe('who of two runs may act', () => {
  it.each(rows)('%s', (_what, run, claim, verdict) => {
    expect(judge(run, claim, now, timing)).toBe(verdict);
  });

  it('after a restart of the server a copy waits for the first to call', () => {
    const startedAt = now - seconds(20);
    expect(judge(undefined, copy, now, { ...timing, startedAt })).toBe('refuse');
    expect(judge(undefined, newcomer, now, { ...timing, startedAt })).toBe('take-over');
    expect(judge(undefined, copy, now, { ...timing, startedAt: now - minutes(3) })).toBe('take-over');
  });
});
