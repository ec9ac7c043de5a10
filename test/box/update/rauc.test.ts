import { copyFileSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rauc } from '../../../src/box/update/rauc.ts';
import { TrialMarks } from '../../../src/box/update/trial-marks.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { compatible, RaucLab, whyNoRauc } from './rauc-lab.ts';

const why = whyNoRauc();
const soonEnough = (): AbortSignal => AbortSignal.timeout(20_000);

describe.skipIf(why !== undefined)(`RAUC ${why ?? ''}`, () => {
  let lab: RaucLab;
  beforeAll(async () => {
    lab = await RaucLab.open();
  });
  afterAll(() => lab?.close());

  it('says how the machine stands', async () => {
    expect(await lab.rauc.status(soonEnough())).toMatchObject({
      booted: 'A',
      next: 'A',
      installing: false,
      compatible,
      slots: expect.arrayContaining([
        { id: 'rootfs.0', bootname: 'A', booted: true, version: undefined },
        { id: 'rootfs.1', bootname: 'B', booted: false, version: undefined },
      ]),
    });
  });

  it('refuses a bundle of a stranger, half a bundle and what is none, with the slot untouched', async () => {
    const before = readFileSync(join(lab.folder, 'B.img'));
    const half = join(lab.folder, 'half.raucb');
    copyFileSync(lab.bundle({ version: '1.1.0' }), half);
    truncateSync(half, 3000);
    const none = lab.config;
    const strange = lab.bundle({ version: '1.1.0', signer: 'stranger' });
    for (const path of [strange, half, none]) {
      await expect(lab.rauc.info(path, soonEnough())).rejects.toMatchObject({
        code: 'bundle-refused',
        retryable: false,
      });
      await expect(lab.rauc.install(path, soonEnough(), () => undefined)).rejects.toMatchObject({
        code: 'install-failed',
      });
    }
    expect(readFileSync(join(lab.folder, 'B.img')).equals(before)).toBe(true);
    expect(lab.next).toBe('A');
  });

  it('reads what a good bundle says of itself, and writes it to the other slot', async () => {
    const bundle = lab.bundle({ version: '1.2.0', notes: 'Faster, and two faults less.' });
    expect(await lab.rauc.info(bundle, soonEnough())).toMatchObject({
      compatible,
      version: '1.2.0',
      description: 'Faster, and two faults less.',
    });
    const progress: number[] = [];
    await lab.rauc.install(bundle, soonEnough(), (percent) => progress.push(percent));
    expect(lab.held('B')).toBe('1.2.0');
    expect(lab.held('A')).toBe('1.0.0');
    expect(lab.next).toBe('B');
    expect(await new TrialMarks(lab.trialFolder).onTrial()).toBe('B');
    const status = await lab.rauc.status(soonEnough());
    expect(status).toMatchObject({ booted: 'A', next: 'B' });
    expect(status?.slots.find(({ bootname }) => bootname === 'B')?.version).toBe('1.2.0');
    await lab.boot('B');
    expect(await lab.rauc.status(soonEnough())).toMatchObject({ booted: 'B', next: 'B' });
  });

  it('is absent without a bus, and where nobody has the name', async () => {
    const nowhere = new Rauc({ config: lab.config, bus: 'unix:path=/nowhere/bus', clock: systemClock });
    expect(await nowhere.status(soonEnough())).toBeUndefined();
    await lab.close();
    expect(await lab.rauc.status(soonEnough())).toBeUndefined();
  });
});
