import { afterEach, describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/cloud/runs/policy.ts';
import { Runs, type RunsOptions } from '../../../src/cloud/runs/runs.ts';
import { hours, systemClock } from '../../../src/kit/runtime/clock.ts';
import type { StandingAnswer, StandingRequest } from '../../../src/protocol/run-api.ts';

const box = 'b'.repeat(51) + 'a';
const claim = (run: string, before?: string): Claim => ({ run, before, copy: false });

/** No test waits for any of these: what depends on one would never end. */
const never = { answerMs: hours(1), silenceMs: hours(1), patienceMs: hours(1) };

/** A connection that stays. */
const open = new AbortController().signal;

function runsOf(options: Partial<RunsOptions> = {}): Runs {
  const { timing, ...more } = options;
  return new Runs({ clock: systemClock, timing: { ...never, ...timing }, ...more });
}

const living = new Set<LivingRun>();
afterEach(async () => {
  await Promise.all([...living].map((run) => run.end()));
});

/** A run as the box has it: a call is always under way. */
class LivingRun {
  readonly claim: Claim;
  readonly #connection = new AbortController();
  readonly #runs: Runs;
  /** What it was told last. */
  knows: StandingRequest['knows'] = 'unknown';
  #calls: Promise<void> = Promise.resolve();
  answers: StandingAnswer['standing'][] = [];

  constructor(runs: Runs, own: Claim) {
    this.#runs = runs;
    this.claim = own;
    living.add(this);
  }

  start(): this {
    this.#calls = this.#call();
    return this;
  }

  /** The connection ends; nothing is said. */
  async end(): Promise<void> {
    living.delete(this);
    this.#connection.abort();
    await this.#calls;
  }

  async #call(): Promise<void> {
    const { signal } = this.#connection;
    while (!signal.aborted) {
      const asked = { waitSeconds: 120, knows: this.knows };
      const { standing, againInSeconds } = await this.#runs.stand(box, this.claim, asked, signal);
      if (signal.aborted) return;
      this.knows = standing;
      this.answers.push(standing);
      if (standing === 'copy') await systemClock.sleep(againInSeconds * 1000, signal).catch(() => undefined);
    }
  }
}

const refused = expect.objectContaining({ code: 'copied-identity', status: 409 }) as Error;
async function knows(run: LivingRun, standing: StandingRequest['knows']): Promise<void> {
  await expect.poll(() => run.knows, { interval: 5 }).toBe(standing);
}

describe('two runs of one box', () => {
  it('the one that was there stays, and both are told', async () => {
    const runs = runsOf();
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    // Copied while it ran: the card says that the copy follows.
    await expect(runs.admit(box, claim('B', 'A'))).rejects.toEqual(refused);
    await knows(first, 'first');
    expect(await runs.stand(box, claim('B', 'A'), { waitSeconds: 120, knows: 'alone' }, open)).toMatchObject({
      standing: 'copy',
      since: expect.any(Number) as number,
    });
    await runs.admit(box, claim('A'));
    expect(runs.since(box, 'A')).toBeDefined();
    expect(runs.since(box, 'B')).toBeUndefined();
    expect(runs.copied).toBe(1);
    runs.end(box, 'B');
    await knows(first, 'alone');
    expect(runs.copied).toBe(0);
  });

  it('one that is asked after a silence, and answers, stays', async () => {
    let passedMs = 0;
    const runs = runsOf({ clock: { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs } });
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    passedMs = never.answerMs;
    await expect(runs.admit(box, claim('B', 'A'))).rejects.toEqual(refused);
    await runs.admit(box, claim('A'));
  });

  it('one whose connection seems open, and that does not answer, is gone', async () => {
    const runs = runsOf({ timing: { answerMs: 50 } });
    // It is about to call again, and never does.
    await runs.stand(box, claim('A'), { waitSeconds: 120, knows: 'unknown' }, open);
    await runs.admit(box, claim('B', 'A'));
    await expect(runs.admit(box, claim('A'))).rejects.toEqual(refused);
  });

  it('a run that was killed is followed at once by the next one of its card', async () => {
    const runs = runsOf();
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    await first.end();
    await runs.admit(box, claim('B', 'A'));
    expect(runs.since(box, 'B')).toBeDefined();
    expect(runs.copied).toBe(0);
  });

  it('a run that said goodbye is followed at once by any', async () => {
    const runs = runsOf();
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    runs.end(box, 'A');
    await runs.admit(box, claim('B'));
    expect(runs.since(box, 'B')).toBeDefined();
  });

  it('a line that drops for a moment lets nobody else in', async () => {
    const runs = runsOf({ timing: { answerMs: 60_000 } });
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    await first.end();
    const other = runs.admit(box, claim('B')).catch((error: unknown) => error);
    await knows(new LivingRun(runs, claim('A')).start(), 'alone');
    expect(await other).toEqual(refused);
  });

  it('a known copy leaves the first time to restart, and takes over when it has gone for good', async () => {
    const runs = runsOf({ timing: { patienceMs: 500 }, refusedAgainMs: 20 });
    const first = new LivingRun(runs, claim('A')).start();
    await knows(first, 'alone');
    const copy = new LivingRun(runs, claim('B', 'A')).start();
    await knows(copy, 'copy');
    await first.end();
    const second = new LivingRun(runs, claim('C', 'A')).start();
    await knows(second, 'first');
    expect(copy.answers).not.toContain('alone');
    await second.end();
    await expect.poll(() => runs.since(box, 'B'), { interval: 5 }).toBeDefined();
  });

  it('after a restart of the server the copy does not come first', async () => {
    const runs = runsOf();
    const asked = { waitSeconds: 120, knows: 'copy' } as const;
    const answer = await runs.stand(box, { ...claim('B', 'A'), copy: true }, asked, open);
    expect(answer.standing).toBe('copy');
    await runs.admit(box, claim('A'));
  });

  it('where no call is held: who follows is believed, until the other one speaks', async () => {
    const runs = runsOf({ held: 0 });
    await runs.admit(box, claim('A'));
    await runs.admit(box, claim('B', 'A'));
    await runs.admit(box, claim('B', 'A'));
    await runs.admit(box, claim('A'));
    await expect(runs.admit(box, claim('B', 'A'))).rejects.toEqual(refused);
    await runs.admit(box, claim('A'));
    const answer = await runs.stand(box, claim('A'), { waitSeconds: 120, knows: 'first' }, open);
    expect(answer).toMatchObject({ standing: 'first', againInSeconds: 300 });
  });

  it('a later run may act since a later time, whatever the clock says', async () => {
    const runs = new Runs({ clock: { ...systemClock, now: () => 1000 }, timing: never });
    await runs.admit(box, claim('A'));
    const before = runs.since(box, 'A') ?? Number.NaN;
    runs.end(box, 'A');
    await runs.admit(box, claim('B'));
    expect(runs.since(box, 'B')).toBeGreaterThan(before);
  });
});
