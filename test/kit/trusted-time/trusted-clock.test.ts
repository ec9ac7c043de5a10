import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Clock, days, hours, minutes, seconds, systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { reportTrust } from '../../../src/kit/trusted-time/report.ts';
import { TrustedClock } from '../../../src/kit/trusted-time/trusted-clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const { signal } = new AbortController();
const built = Date.UTC(2026, 0, 1);
const today = Date.UTC(2026, 5, 1);

/** A machine whose wall clock can be anything, while the time that runs is one that a test moves. */
class Machine {
  readonly ticks = new FakeClock(seconds(100));
  ahead = 0;
  boot = 'one';
  synchronized = false;
  servers: number[] = [];
  readonly state: string;

  constructor(name: string) {
    this.state = join(folder, name);
  }

  set wall(time: number) {
    this.ahead = time - this.ticks.now();
  }

  get clock(): Clock {
    return {
      now: () => this.ticks.now() + this.ahead,
      monotonic: () => this.ticks.now(),
      sleep: (ms, stop) => this.ticks.sleep(ms, stop),
    };
  }

  async start(): Promise<TrustedClock> {
    await mkdir(this.state, { recursive: true });
    const clock = new TrustedClock({
      clock: this.clock,
      sources: {
        boot: this.boot,
        uptime: () => this.ticks.now(),
        synchronized: () => Promise.resolve(this.synchronized),
        aheadOfServers: (now) => Promise.resolve(this.servers.map((time) => now() - time)),
      },
      folder: this.state,
      stores: [join(this.state, 'access')],
      builtAt: built,
      random: Math.random,
      log: silentLog,
    });
    await clock.open(signal);
    await clock.start();
    await this.pass(0);
    return clock;
  }

  /** The box is started again, in the same run of the machine or another one. */
  async again(before: TrustedClock, boot = this.boot): Promise<TrustedClock> {
    await before.stop();
    this.boot = boot;
    return this.start();
  }

  /** Time goes by, so slowly that the disk can write meanwhile. */
  async pass(ms: number): Promise<void> {
    const steps = Math.min(60, Math.ceil(ms / seconds(3)));
    for (let step = 0; step < steps; step++) {
      await this.ticks.advance(ms / steps);
      await systemClock.sleep(5);
    }
  }

  /** Until the clock is believed, or in doubt. */
  async until(clock: TrustedClock, doubtful: boolean): Promise<void> {
    for (let looks = 0; looks < 30 && clock.doubtful !== doubtful; looks++) await this.pass(seconds(3));
    if (clock.doubtful !== doubtful) throw new Error(`the clock is ${doubtful ? 'not ' : ''}in doubt`);
  }
}

async function machine(name: string, wall = today): Promise<Machine> {
  const made = new Machine(name);
  made.wall = wall;
  await mkdir(made.state, { recursive: true });
  return made;
}

describe('a clock that nobody has vouched for', () => {
  it('says so after a while, and is believed when a time server has set it', async () => {
    const own = await machine('first');
    const clock = await own.start();
    const health = new Health(clock);
    reportTrust(health, clock);
    expect(clock.doubtful).toBe(true);
    expect(health.conditions.value).toEqual([]);
    for (let n = 0; n < 50; n++) await own.ticks.advance(seconds(3));
    expect(health.conditions.value.map(({ name, severity }) => ({ name, severity }))).toEqual([
      { name: 'clock', severity: 'warning' },
    ]);
    own.synchronized = true;
    await own.until(clock, false);
    expect(health.conditions.value).toEqual([]);
    expect(clock.corrections.value).toEqual([]);
    await clock.stop();
  });

  it('dates what was made by it anew when the time is known', async () => {
    const own = await machine('late', 0);
    const clock = await own.start();
    expect(clock.now()).toBe(built);
    await own.pass(minutes(1));
    const made = clock.now();
    expect(made).toBe(built + minutes(1));
    own.wall = today;
    own.servers = [today];
    await own.until(clock, false);
    expect(Math.abs(clock.now() - own.clock.now())).toBeLessThan(10);
    const [found] = clock.corrections.value;
    expect(found?.since).toBe(built);
    expect(Math.abs((found?.step ?? 0) - (today - built - minutes(1)))).toBeLessThan(seconds(5));
    expect(found?.until).toBeGreaterThan(made);
    // Stores that were not open date theirs at a later start.
    const next = await own.again(clock, 'two');
    expect(next.corrections.value).toEqual(clock.corrections.value);
    await next.stop();
  });

  it('is believed after an hour when there is nobody to ask, and it is near', async () => {
    const own = await machine('alone');
    const clock = await own.start();
    await own.pass(minutes(59));
    expect(clock.doubtful).toBe(true);
    await own.pass(minutes(3));
    await own.until(clock, false);
    expect(clock.trust.value).toEqual({ by: 'itself' });
    await clock.stop();
  });
});

describe.each([
  ['a day behind', today - days(1)],
  ['a day ahead', today + days(1)],
  ['a hundred days ahead', today + days(100)],
  ['1970', 0],
  ['2038', Date.UTC(2038, 0, 19, 3, 14, 8)],
  ['2100', Date.UTC(2100, 0, 1)],
])('a clock that is wrong: %s', (name, wrong) => {
  it('moves nothing when it jumps there during a run, and back', async () => {
    const own = await machine(`jump ${name}`);
    own.synchronized = true;
    const clock = await own.start();
    own.synchronized = false;
    await own.pass(minutes(10));
    const before = clock.now();
    const stoodAt = own.ticks.now();
    own.wall = wrong;
    expect(clock.now()).toBe(before);
    await own.until(clock, true);
    await own.pass(seconds(9));
    expect(clock.trust.value).toMatchObject({ doubt: 'jumped' });
    expect(clock.now() - own.ticks.now()).toBe(before - stoodAt);
    own.wall = clock.now();
    await own.until(clock, false);
    expect(clock.trust.value).toEqual({ by: 'time-server' });
    expect(clock.corrections.value).toEqual([]);
    await clock.stop();
  });

  it('moves nothing across starts, in the same run of the machine and in others', async () => {
    const own = await machine(`start ${name}`);
    own.synchronized = true;
    const first = await own.start();
    await own.pass(minutes(10));
    const before = first.now();
    own.synchronized = false;
    own.wall = wrong;
    const second = await own.again(first);
    expect(Math.abs(second.now() - before)).toBeLessThan(10);
    expect(second.doubtful).toBe(true);
    const third = await own.again(second, 'two');
    expect(Math.abs(third.now() - before)).toBeLessThan(10);
    await own.pass(minutes(10));
    expect(Math.abs(third.now() - before - minutes(10))).toBeLessThan(10);
    // Then it is set, an hour later than the box could know.
    own.synchronized = true;
    own.wall = before + hours(1) + minutes(10);
    await own.until(third, false);
    const [found] = third.corrections.value;
    expect(Math.abs((found?.step ?? 0) - hours(1))).toBeLessThan(seconds(5));
    await third.stop();
  });
});

describe('a state that is older than what is known of the time', () => {
  it('is as old as its newest file', async () => {
    const own = await machine('older', Date.UTC(2100, 0));
    await mkdir(join(own.state, 'access'));
    await writeFile(join(own.state, 'access', 'access.sqlite'), '');
    const clock = await own.start();
    expect(Math.abs(clock.now() - systemClock.now())).toBeLessThan(minutes(1));
    await clock.stop();
  });

  it('is so, too, when the file with the time is damaged', async () => {
    const own = await machine('damaged', Date.UTC(2100, 0));
    await mkdir(join(own.state, 'access'));
    await writeFile(join(own.state, 'access', 'access.sqlite'), '');
    await writeFile(join(own.state, 'clock.json'), '{"time":4102444800000}');
    const clock = await own.start();
    expect(clock.now()).toBeLessThan(Date.UTC(2100, 0));
    await clock.stop();
  });
});
