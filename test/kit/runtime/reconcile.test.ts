import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { createLog, silentLog } from '../../../src/kit/log/log.ts';
import { Reconciler, type ReconcilerOptions } from '../../../src/kit/runtime/reconcile.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const backoff = { initialMs: 100, factor: 2, capMs: 1000, jitter: 0 };
const running: Reconciler[] = [];
afterEach(() => Promise.all(running.splice(0).map((reconciler) => reconciler.stop())));

function started(
  clock: FakeClock,
  options: Partial<ReconcilerOptions> & Pick<ReconcilerOptions, 'reconcile'>,
): Reconciler {
  const reconciler = new Reconciler({
    name: 'tested',
    watch: [],
    backoff,
    clock,
    random: () => 0,
    log: silentLog,
    ...options,
  });
  running.push(reconciler);
  void reconciler.start();
  return reconciler;
}

function fail(): never {
  throw new Error('callback');
}

/** A round that a test holds in its hand. */
function gate(): { entered: Promise<void>; open: () => void; pass: () => Promise<void> } {
  const entered = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const pass = async (): Promise<void> => {
    entered.resolve();
    await opened.promise;
  };
  return { entered: entered.promise, open: opened.resolve, pass };
}

describe('rounds', () => {
  it('begin at the start, and again after the time a round asks for', async () => {
    const clock = new FakeClock();
    let rounds = 0;
    started(clock, { reconcile: () => Promise.resolve(++rounds < 3 ? 1000 : undefined) });
    await clock.advance(0);
    expect(rounds).toBe(1);
    await clock.advance(999);
    expect(rounds).toBe(1);
    await clock.advance(1001);
    expect(rounds).toBe(3);
    await clock.advance(10 ** 12);
    expect(rounds).toBe(3);
  });

  it('begin at once on a change and on a nudge', async () => {
    const clock = new FakeClock();
    const fact = new OwnedFact(0);
    const seen: number[] = [];
    const reconciler = started(clock, {
      watch: [fact],
      reconcile: () => Promise.resolve(void seen.push(fact.value)),
    });
    await clock.advance(0);
    fact.set(1);
    await clock.advance(0);
    reconciler.nudge();
    await clock.advance(0);
    expect(seen).toEqual([0, 1, 1]);
  });

  it('never overlap, and fold changes that come during a round into one next round', async () => {
    const clock = new FakeClock();
    const fact = new OwnedFact(0);
    const seen: number[] = [];
    const first = gate();
    let inside = 0;
    let most = 0;
    started(clock, {
      watch: [fact],
      reconcile: async () => {
        most = Math.max(most, ++inside);
        seen.push(fact.value);
        if (seen.length === 1) await first.pass();
        inside--;
        return undefined;
      },
    });
    await first.entered;
    for (const value of [1, 2, 3]) fact.set(value);
    await clock.advance(1000);
    expect(seen).toEqual([0]);
    first.open();
    await clock.advance(0);
    expect(seen).toEqual([0, 3]);
    expect(most).toBe(1);
  });

  it('are not doubled by a second start', async () => {
    const clock = new FakeClock();
    let rounds = 0;
    const reconciler = started(clock, { reconcile: () => Promise.resolve(void rounds++) });
    await reconciler.start();
    await clock.advance(0);
    expect(rounds).toBe(1);
  });
});

describe('failures', () => {
  it('are repeated with back-off, which a change interrupts and a success resets', async () => {
    const clock = new FakeClock();
    const fact = new OwnedFact('bad');
    const delays: number[] = [];
    let successes = 0;
    started(clock, {
      watch: [fact],
      reconcile: () =>
        fact.value === 'good' ? Promise.resolve(undefined) : Promise.reject(new Error('bad')),
      onFailure: (_error, _failures, delayMs) => delays.push(delayMs),
      onSuccess: () => successes++,
    });
    await clock.advance(100 + 200 + 400);
    expect(delays).toEqual([100, 200, 400, 800]);
    fact.set('worse');
    await clock.advance(0);
    expect(delays).toEqual([100, 200, 400, 800, 1000]);
    fact.set('good');
    await clock.advance(0);
    expect(successes).toBe(1);
    fact.set('bad');
    await clock.advance(0);
    expect(delays.at(-1)).toBe(100);
  });

  it('that cannot be mended by repetition are looked at again at the slowest pace; Retry-After is kept', async () => {
    const clock = new FakeClock();
    const problems = [
      new Problem('x', 'm', { retryable: false }),
      new Problem('x', 'm', { retryAfterSeconds: 30 }),
    ];
    const delays: number[] = [];
    started(clock, {
      reconcile: () => (problems.length > 0 ? Promise.reject(problems.shift()) : Promise.resolve(undefined)),
      onFailure: (_error, _failures, delayMs) => delays.push(delayMs),
    });
    await clock.advance(31_000);
    expect(delays).toEqual([1000, 30_000]);
  });

  it('are logged: a problem by its code and details, what nobody foresaw with its stack', async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    const errors = [
      new Problem('zone-not-yours', 'm', { details: { zone: 'z', code: 'hidden' } }),
      new Error('odd'),
    ];
    started(clock, {
      log,
      reconcile: () => (errors.length > 0 ? Promise.reject(errors.shift()) : Promise.resolve(undefined)),
    });
    await clock.advance(100);
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({
      level: 40,
      code: 'zone-not-yours',
      zone: 'z',
      failures: 1,
      retryInMs: 100,
      msg: 'tested: m',
    });
    expect(first).not.toHaveProperty('err');
    expect(second).toMatchObject({ code: 'unexpected', msg: 'tested: odd', err: { message: 'odd' } });
  });

  it('of onFailure and onSuccess do not end the loop', async () => {
    const clock = new FakeClock();
    let rounds = 0;
    started(clock, {
      reconcile: () => Promise.resolve(void rounds++),
      onSuccess: fail,
      onFailure: fail,
    });
    await clock.advance(100);
    expect(rounds).toBe(2);
  });
});

describe('stopping', () => {
  it('ends the wait, unsubscribes, and says goodbye after the last round', async () => {
    const clock = new FakeClock();
    const fact = new OwnedFact(0);
    const events: string[] = [];
    const reconciler = started(clock, {
      watch: [fact],
      reconcile: () => Promise.resolve(void events.push('round')),
      goodbye: () => Promise.resolve(void events.push('goodbye')),
    });
    await clock.advance(0);
    await Promise.all([reconciler.stop(), reconciler.stop()]);
    await reconciler.stop();
    fact.set(1);
    await clock.advance(10_000);
    expect(events).toEqual(['round', 'goodbye']);
    expect(clock.sleeping).toBe(0);
  });

  it('aborts the round under way and its back-off, and counts that as no failure', async () => {
    const clock = new FakeClock();
    const failures: unknown[] = [];
    const entered = Promise.withResolvers<void>();
    const reconciler = started(clock, {
      reconcile: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          entered.resolve();
        }),
      onFailure: (error) => failures.push(error),
    });
    await entered.promise;
    await reconciler.stop();
    expect(failures).toEqual([]);

    const failing = started(clock, { reconcile: () => Promise.reject(new Error('x')) });
    await clock.advance(0);
    await failing.stop();
    expect(clock.sleeping).toBe(0);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('no'))],
    ['does not look at its signal', () => new Promise<void>(() => undefined)],
  ])('is not held up by a goodbye that %s', async (_, goodbye) => {
    const clock = new FakeClock();
    const reconciler = started(clock, {
      reconcile: () => Promise.resolve(undefined),
      goodbye,
      goodbyeMs: 20,
    });
    await clock.advance(0);
    await expect(reconciler.stop()).resolves.toBeUndefined();
  });

  it('does nothing before a start, and allows another start', async () => {
    const clock = new FakeClock();
    let rounds = 0;
    let goodbyes = 0;
    const reconciler = new Reconciler({
      name: 'tested',
      watch: [],
      reconcile: () => Promise.resolve(void rounds++),
      goodbye: () => Promise.resolve(void goodbyes++),
      clock,
      random: () => 0,
      log: silentLog,
    });
    await reconciler.stop();
    expect(goodbyes).toBe(0);
    for (const _ of [1, 2]) {
      await reconciler.start();
      await clock.advance(0);
      await reconciler.stop();
    }
    expect([rounds, goodbyes]).toEqual([2, 2]);
  });
});
