import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

describe('the dns-server', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder })));
  afterAll(() => lab.close());

  it.each([
    'account-saved',
    'caa-set',
    'order-saved',
    'challenges-added',
    'challenges-served',
    'challenges-told',
    'authorized',
    'finalized',
    'pair-switched',
    'order-forgotten',
  ])('is away for a while after "%s": it ends with a certificate and a clean zone', async (phase) => {
    const clock = new OffsetClock();
    let gone: Promise<void> | undefined;
    const steps: string[] = [];
    const tested = createKeeper(lab, join(folder, phase), {
      clock,
      onStep: (step) => {
        steps.push(step);
        if (step === phase) gone ??= lab.dns.stop();
      },
    });
    const before = lab.proxy.count('new-order');
    await tested.keeper.start();
    await eventually('away', () => gone !== undefined);
    await gone;
    // How long it is away, not what is waited for.
    await sleep(400);
    await lab.dns.start();
    await eventually('a certificate and a clean zone', async () => {
      clock.advance(minutes(1));
      return tested.severity() === 'ok' && (await lab.challenges()).length === 0;
    });
    await tested.keeper.stop();
    expect(tested.keeper.certificate.value?.names).toContain(lab.names.main);
    expect(lab.proxy.count('new-order') - before).toBeLessThanOrEqual(2);
  });
});
