import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { days } from '../../../src/kit/runtime/clock.ts';
import {
  afterEvent,
  nextAction,
  stateOf,
  timing,
  type TunnelEvent,
  type TunnelMemory,
  untouched,
  type Wanted,
} from '../../../src/box/tunnel/policy.ts';

const wanted: Wanted = { enabled: true, certificate: true, grantDueIn: days(1) };
const origin = 'https://remote.example';
const noJitter = (): number => 0;

/** What is remembered after `events`, each at its time. */
function after(...events: (readonly [at: number, event: TunnelEvent])[]): TunnelMemory {
  let memory = untouched;
  for (const [at, event] of events) memory = afterEvent(memory, event, at, noJitter);
  return memory;
}

const started = { kind: 'started' } as const;
const live = { kind: 'live' } as const;
const proven = { kind: 'proven', addresses: ['192.0.2.1'] } as const;
const failed = { kind: 'probe-failed', reason: 'no answer' } as const;
const lost = { kind: 'lost', reason: 'gone' } as const;
const rejected = { kind: 'rejected', reason: 'unauthorized' } as const;
const granted = { kind: 'granted', moved: false } as const;
const connected = [[0, granted], [0, started], [500, live], [600, proven]] as const; // prettier-ignore

describe('what to do next', () => {
  it.each<[string, TunnelMemory, Partial<Wanted>, number, object]>([
    ['nothing without a certificate', untouched, { certificate: false }, 0, { kind: 'wait', ms: undefined }],
    ['nothing when switched off', untouched, { enabled: false }, 0, { kind: 'wait', ms: undefined }],
    ['a grant first', untouched, { grantDueIn: undefined }, 0, { kind: 'fetch-grant' }],
    ['then the client', after([0, granted]), {}, 0, { kind: 'start' }],
    ['wait for its kite', after([0, granted], [0, started]), {}, 0, { kind: 'wait', ms: timing.liveWithin }],
    [
      'not for ever',
      after([0, started]),
      {},
      timing.liveWithin,
      { kind: 'kill', reason: expect.any(String) },
    ],
    ['prove it at once', after([0, granted], [0, started], [500, live]), {}, 500, { kind: 'probe' }],
    ['prove it again later', after(...connected), {}, 600, { kind: 'wait', ms: timing.probeEvery * 0.75 }],
    ['prove it again', after(...connected), {}, 600 + timing.probeEvery * 0.75, { kind: 'probe' }],
    [
      'once is chance',
      after(...connected, [9000, failed]),
      {},
      9000,
      { kind: 'wait', ms: timing.probeAgain },
    ],
    [
      'twice is loss',
      after(...connected, [9000, failed], [9001, failed]),
      {},
      9001,
      { kind: 'kill', reason: 'no answer' },
    ],
    ['start again soon', after(...connected, [9000, lost]), {}, 9400, { kind: 'start' }],
    ['but not at once', after(...connected, [9000, lost]), {}, 9000, { kind: 'wait', ms: 400 }],
    [
      'a new grant after a refusal',
      after([0, granted], [0, started], [100, rejected]),
      {},
      100,
      { kind: 'fetch-grant' },
    ],
    [
      'a new grant when due',
      after(...connected),
      { grantDueIn: 0 },
      timing.grantEvery,
      { kind: 'fetch-grant' },
    ],
    [
      'but not all the time',
      after(...connected),
      { grantDueIn: -1 },
      600,
      { kind: 'wait', ms: timing.probeEvery * 0.75 },
    ],
    ['end when switched off', after(...connected), { enabled: false }, 700, { kind: 'stop' }],
    [
      'start at once elsewhere',
      after(...connected, [700, { kind: 'granted', moved: true }]),
      {},
      700,
      { kind: 'start' },
    ],
  ])('%s', (_what, memory, want, now, action) => {
    expect(nextAction(memory, { ...wanted, ...want }, now)).toEqual(action);
  });

  it('starts slower and slower while nothing lasts, and afresh as far as it worked', () => {
    const delays: number[] = [];
    let memory: TunnelMemory = untouched;
    for (let turn = 0; turn < 9; turn++) {
      memory = afterEvent(afterEvent(memory, started, 0, noJitter), lost, 0, noJitter);
      delays.push(memory.startAt);
    }
    expect(delays).toEqual([400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000]);
    // Nine failures: each 5 s of proven work forgive one.
    const afterWork = (ms: number): number => {
      let worked = memory;
      for (const [at, event] of [[0, started], [1, live], [2, proven], [2 + ms, lost]] as const) {
        worked = afterEvent(worked, event, at, noJitter);
      } // prettier-ignore
      return worked.startAt - (2 + ms);
    };
    expect(afterWork(4000)).toBe(60_000);
    expect(afterWork(20_000)).toBe(12_800);
    expect(afterWork(40_000)).toBe(800);
    expect(afterWork(45_000)).toBe(400);
    expect(afterWork(3_600_000)).toBe(400);
  });

  it('honours the Retry-After of the zone API', () => {
    const memory = after([0, { kind: 'grant-failed', reason: 'busy', retryAfterSeconds: 120 }]);
    expect(nextAction(memory, { ...wanted, grantDueIn: undefined }, 0)).toEqual({
      kind: 'wait',
      ms: 120_000,
    });
  });
});

describe('what the others are told', () => {
  it.each<[string, TunnelMemory, Partial<Wanted>, number, object]>([
    ['off', after(...connected), { enabled: false }, 700, { phase: 'off', addresses: [] }],
    [
      'waiting',
      untouched,
      { certificate: false },
      0,
      { phase: 'waiting', reason: 'there is no certificate yet' },
    ],
    ['connecting, unproven', after([0, started], [1, live]), {}, 1, { phase: 'connecting', addresses: [] }],
    ['connected', after(...connected), {}, 700, { phase: 'connected', addresses: ['192.0.2.1'], origin }],
    [
      'connected, after one failed probe',
      after(...connected, [800, failed]),
      {},
      800,
      { phase: 'connected', origin },
    ],
    [
      'lost, with addresses',
      after(...connected, [800, lost]),
      {},
      800,
      { phase: 'lost', addresses: ['192.0.2.1'], reason: 'gone' },
    ],
    [
      'lost for good',
      after(...connected, [800, lost]),
      {},
      600 + timing.withdraw,
      { phase: 'lost', addresses: [] },
    ],
    ['rejected', after([0, started], [1, rejected]), {}, 1, { phase: 'rejected', reason: 'unauthorized' }],
    [
      'connecting again after a refusal',
      after([0, started], [1, rejected], [2, started], [3, live]),
      {},
      3,
      { phase: 'connecting' },
    ],
  ])('%s', (_what, memory, want, now, state) => {
    expect(stateOf(memory, { ...wanted, ...want }, now, origin)).toMatchObject(state);
  });
});

describe('whatever happens', () => {
  const events: TunnelEvent[] = [
    started, live, proven, failed, lost, rejected, granted,
    { kind: 'granted', moved: true }, { kind: 'exited', reason: 'x' }, { kind: 'stopped' },
    { kind: 'grant-failed', reason: 'x', retryAfterSeconds: undefined },
  ]; // prettier-ignore
  const steps = fc.array(fc.record({ event: fc.constantFrom(...events), ms: fc.nat(120_000) }), {
    maxLength: 40,
  });

  it('waits a finite time, and tells of addresses only what was proven lately', () => {
    const holds = fc.property(steps, fc.double({ min: 0, max: 0.999, noNaN: true }), (list, random) => {
      let memory = untouched;
      let now = 0;
      let lastProof = Number.NEGATIVE_INFINITY;
      return list.every(({ event, ms }) => {
        now += ms;
        if (event.kind === 'proven' && memory.child === 'live') lastProof = now;
        memory = afterEvent(memory, event, now, () => random);
        const action = nextAction(memory, wanted, now);
        const state = stateOf(memory, wanted, now, origin);
        const waits = action.kind !== 'wait' || (Number.isFinite(action.ms) && Number(action.ms) > 0);
        const proofs = state.addresses.length === 0 || now - lastProof < timing.withdraw;
        return waits && proofs && (state.phase !== 'connected' || memory.child === 'live');
      });
    });
    expect(fc.check(holds)).toMatchObject({ failed: false });
  });
});
