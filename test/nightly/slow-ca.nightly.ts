import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seconds } from '../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { createKeeper, createLab, eventually, type Lab, type TestedKeeper } from '../box/certificate/lab.ts';
import { slowLine } from './slow-line.ts';

const folder = temporaryFolder();
let lab: Lab;
let line: Awaited<ReturnType<typeof slowLine>>;
beforeAll(async () => {
  lab = await createLab({ folder });
  line = await slowLine(Number(new URL(lab.proxy.origin).port), seconds(2.5));
});
afterAll(async () => {
  await line.close();
  await lab.close();
});

it(
  'a CA that is 2.5 seconds away each way gives a certificate, seen at work, and goes on after a restart',
  { timeout: 1_200_000 },
  async () => {
    const start = async (): Promise<TestedKeeper> => {
      const acme = {
        directoryUrl: `https://127.0.0.1:${line.port}/dir`,
        caPem: lab.ca.caPem,
        termsAgreed: true,
      };
      const tested = createKeeper(lab, join(folder, 'state'), { acme });
      await tested.keeper.start();
      return tested;
    };
    const first = await start();
    await eventually('is seen at work', () => /since \d{4}-/.test(first.message() ?? ''), 60_000);
    await eventually('an order', () => first.steps.includes('order-saved'), 300_000);
    await first.keeper.stop();

    const second = await start();
    await eventually('seen at work again', () => /since \d{4}-/.test(second.message() ?? ''), 60_000);
    const begun = performance.now();
    await eventually('a certificate', () => second.severity() === 'ok', 900_000);
    expect(second.steps).not.toContain('order-placed');
    expect(lab.proxy.count('new-order')).toBe(1);
    process.stderr.write(
      `from the restart to the certificate: ${Math.round((performance.now() - begun) / 1000)} s\n`,
    );
    await second.keeper.stop();
  },
);
