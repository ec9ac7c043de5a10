import { describe, expect, it } from 'vitest';
import { report } from '../../../src/box/certificate/report.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('an order that takes long', () => {
  it('is seen: which step it waits for, and since when', () => {
    const clock = new FakeClock(Date.UTC(2030, 0, 1, 12));
    const health = new Health(clock);
    const situation = {
      certificate: undefined,
      unusable: undefined,
      decision: { do: 'obtain', from: 'production', why: 'due' },
      failure: { code: 'acme-slow', message: 'the CA was slow before' },
      zonePublished: true,
      now: clock.now(),
    } as const;
    report(health, { ...situation, progress: { step: 'challenges-told', at: clock.now() } });
    expect(health.conditions.value[0]).toMatchObject({
      severity: 'warning',
      message:
        'there is no certificate yet; one is being obtained: waiting for the CA to look at the DNS since 2030-01-01 12:00 UTC',
    });
    report(health, situation);
    expect(health.conditions.value[0]?.message).toContain('the CA was slow before');
  });
});
