import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faults, steadyMs, Trial } from '../../../src/box/update/confirm-policy.ts';
import {
  checkBundle,
  checkDelayMs,
  fateOf,
  newestRelease,
  releaseToTake,
  restartDelayMs,
  restartHoursOf,
} from '../../../src/box/update/update-policy.ts';
import { compareVersions } from '../../../src/box/update/versions.ts';
import { days, hours, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import type { Release } from '../../../src/protocol/update-api.ts';

const compatible = 'porchlight-arm64';
const release = (version: string, kind = compatible): Release => ({
  version,
  compatible: kind,
  file: `${version}.raucb`,
  size: 1,
  sha256: '0'.repeat(64),
  notes: '',
});

describe('versions', () => {
  it('come in the order of SemVer', () => {
    const order = ['nonsense', '0.9.9', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta'];
    order.push('1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0');
    for (const [index, a] of order.entries())
      for (const [other, b] of order.entries())
        expect(Math.sign(compareVersions(a, b)), `${a} and ${b}`).toBe(Math.sign(index - other));
    expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
    expect(compareVersions('1.0', '0.0.1')).toBeLessThan(0);
  });
});

const releases = ['1.1.0', '1.3.0-beta.1', '1.2.0', '0.9.0'].map((version) => release(version));
const choice = { releases, compatible, running: '1.1.0', setbacks: {}, now: days(1000) };

/** What is taken when the newest was rolled back so often, and so long ago. */
const after = (times: number, ago: number): string | undefined =>
  releaseToTake({ ...choice, setbacks: { '1.3.0-beta.1': { times, at: choice.now - ago, reason: '' } } })
    ?.version;

describe('which release', () => {
  it('is the newest for this machine, and none that is not newer than what runs', () => {
    expect(newestRelease(choice)?.version).toBe('1.3.0-beta.1');
    expect(newestRelease({ ...choice, running: '1.3.0' })).toBeUndefined();
    expect(newestRelease({ ...choice, compatible: 'porchlight-amd64' })).toBeUndefined();
    expect(newestRelease({ ...choice, releases: [...releases, release('9.0.0', 'other')] })?.version).toBe(
      '1.3.0-beta.1',
    );
  });

  it('is not the one just taken back; that one once more after a week, and never a third time unasked', () => {
    expect(after(1, days(6))).toBe('1.2.0');
    expect(after(1, days(7))).toBe('1.3.0-beta.1');
    expect(after(2, days(700))).toBe('1.2.0');
    // A clock that was ahead when it happened.
    expect(after(1, days(-5))).toBe('1.2.0');
  });
});

const check = (version: string, more: { compatible?: string; allowDowngrade?: boolean } = {}): unknown => {
  try {
    const { compatible: kind = compatible, allowDowngrade = false } = more;
    const bundle = { version, compatible: kind };
    return checkBundle({ bundle, compatible, running: '1.2.0', allowDowngrade });
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a bundle', () => {
  it('may be newer or the same, older only when asked for, and of another machine never', () => {
    expect(check('1.3.0')).toBeUndefined();
    expect(check('1.2.0')).toBeUndefined();
    expect(check('1.2.0-beta.1')).toBe('downgrade-refused');
    expect(check('surprise')).toBe('downgrade-refused');
    expect(check('1.1.0', { allowDowngrade: true })).toBeUndefined();
    expect(check('1.3.0', { compatible: 'toaster', allowDowngrade: true })).toBe('bundle-refused');
  });
});

describe('when', () => {
  it('is asked: within 35 minutes of a start, then daily, never all boxes at once', () => {
    expect(checkDelayMs(true, 0)).toBe(minutes(5));
    expect(checkDelayMs(true, 0.999)).toBeLessThan(minutes(35));
    expect([checkDelayMs(false, 0), checkDelayMs(false, 1)]).toEqual([hours(18), hours(30)]);
  });

  it('is restarted: always within the hours, and within a day', () => {
    const hour = fc.integer({ min: 0, max: 23 });
    const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1439 }), hour, hour, share, (now, from, to, part) => {
        const delay = restartDelayMs(now, { from, to }, part) / minutes(1);
        expect(delay).toBeGreaterThanOrEqual(1);
        expect(delay).toBeLessThanOrEqual(1440);
        const since = (now + delay - from * 60 + 2 * 1440) % 1440;
        expect(since).toBeLessThan(((to - from + 24) % 24 || 24) * 60);
      }),
    );
    expect(restartDelayMs(600, undefined, 0.5)).toBe(minutes(1));
    expect(restartHoursOf('22-4')).toEqual({ from: 22, to: 4 });
    expect(restartHoursOf('')).toBeUndefined();
  });
});

describe('what became of a try', () => {
  const attempt = { slot: 'B', installed: true };
  it.each([
    ['waiting', attempt, { booted: 'A', next: 'B', onTrial: 'B' }],
    ['trial', attempt, { booted: 'B', next: 'B', onTrial: 'B' }],
    ['kept', attempt, { booted: 'B', next: 'B', onTrial: undefined }],
    ['rolled-back', attempt, { booted: 'A', next: 'A', onTrial: 'B' }],
    ['never-written', { ...attempt, installed: false }, { booted: 'A', next: 'A', onTrial: 'B' }],
  ] as const)('is %s', (fate, tried, slots) => {
    expect(fateOf(tried, slots)).toBe(fate);
  });
});

const condition = (name: string, severity: 'ok' | 'warning' | 'error') => ({
  name,
  severity,
  message: 'x',
});
const well = [condition('web', 'ok'), condition('tunnel', 'warning')];

const run = (looks: (at: number) => typeof well | undefined): [verdict: string, at: number] => {
  const trial = new Trial({ before: {}, startedAt: 0, limitMs: minutes(5) });
  for (let at = 0; ; at += seconds(2)) {
    const verdict = trial.look(looks(at), at);
    if (verdict.is !== 'undecided') return [verdict.is, at];
  }
};

describe('the trial', () => {
  it('holds against a release what is an error now and was none before', () => {
    const now = [condition('web', 'error'), condition('certificate', 'error'), condition('zone', 'warning')];
    expect(faults(now, { web: 'ok', certificate: 'error', zone: 'ok' })).toEqual(['web: x']);
    // An outage that began meanwhile, or a release that broke the way out: nobody can tell, so the old one comes back.
    expect(faults([condition('tunnel', 'error')], { tunnel: 'ok' })).toEqual(['tunnel: x']);
    expect(faults([condition('brand-new', 'error')], { web: 'ok' })).toEqual(['brand-new: x']);
    // Nobody noted how it was: what may be the world’s fault is not held against it.
    expect(faults([condition('tunnel', 'error'), condition('zone.state', 'error')], undefined)).toEqual([]);
    expect(faults([condition('access', 'error')], undefined)).toEqual(['access: x']);
  });

  it('is good after a minute without a fault, however late that begins, and bad without one at the end', () => {
    expect(run(() => well)).toEqual(['good', steadyMs]);
    expect(run((at) => (at < minutes(3) ? undefined : well))).toEqual(['good', minutes(3) + steadyMs]);
    expect(run((at) => (at < minutes(4.9) ? undefined : well))).toEqual(['good', minutes(4.9) + steadyMs]);
    expect(run(() => undefined)).toEqual(['bad', minutes(5)]);
    expect(run(() => [condition('web', 'error')])).toEqual(['bad', minutes(5)]);
  });

  it('is bad for what crashes again and again', () => {
    const [verdict, at] = run((now) => (now % seconds(50) === 0 ? undefined : well));
    expect(verdict).toBe('bad');
    expect(at).toBeLessThanOrEqual(minutes(7));
  });
});
