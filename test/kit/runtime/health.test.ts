import { describe, expect, it } from 'vitest';
import { Health } from '../../../src/kit/runtime/health.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('Health', () => {
  it('keeps since while the severity stays, whatever the words', async () => {
    const clock = new FakeClock(1000);
    const health = new Health(clock);
    health.set('zone', 'error', 'cannot be reached', 'check the network');
    await clock.advance(500);
    health.set('zone', 'error', 'still cannot be reached');
    expect(health.conditions.value).toEqual([
      { name: 'zone', severity: 'error', message: 'still cannot be reached', since: 1000 },
    ]);
    health.set('zone', 'ok', 'served');
    expect(health.conditions.value[0]).toMatchObject({ severity: 'ok', since: 1500 });
  });

  it('orders by name, and knows the worst', () => {
    const health = new Health(new FakeClock());
    expect(health.worst).toBe('ok');
    health.set('zone', 'ok', 'x');
    health.set('certificate', 'warning', 'x');
    expect(health.worst).toBe('warning');
    health.set('tunnel', 'error', 'x');
    expect(health.worst).toBe('error');
    expect(health.conditions.value.map(({ name }) => name)).toEqual(['certificate', 'tunnel', 'zone']);
    health.clear('tunnel');
    health.clear('unknown');
    expect(health.worst).toBe('warning');
  });

  it('tells observers of changes only', () => {
    const health = new Health(new FakeClock());
    let told = 0;
    health.conditions.subscribe(() => told++);
    health.set('zone', 'ok', 'x');
    health.set('zone', 'ok', 'x');
    health.clear('zone');
    health.clear('zone');
    expect(told).toBe(2);
  });
});
