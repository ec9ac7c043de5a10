import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { bundleOf } from './bundles.ts';
import { noHomeNow, skipped } from './long.ts';
import { boxIdIn, type Owner, VmHome } from './vm-home.ts';
import type { Vm } from './vm.ts';

const reason = noHomeNow();
const minutes = 60_000;
const robin: Owner = { name: 'Robin', password: 'nine violet teapots' };

/** Twenty in all. What is written counts only when the host has it; the moments are random and printed. */
describe.skipIf(reason !== undefined)(`the plug is pulled${skipped(reason)}`, () => {
  const folder = temporaryFolder();
  let home: VmHome;
  let vm: Vm;
  /** How long a whole first start takes here. */
  let startMs: number;
  beforeAll(async () => {
    home = await VmHome.open();
    vm = home.machine();
    const begun = performance.now();
    await vm.start();
    await healthy();
    startMs = performance.now() - begun;
    await vm.remove();
  }, 30 * minutes);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail' && vm.running) {
      const { out } = await vm.ssh(
        'uptime; porchlight update; journalctl -b -o short-monotonic -n 200 --no-pager',
      );
      process.stderr.write(out);
    }
    await vm?.remove();
  });
  afterAll(async () => home?.close());

  /** The box is up as systemd sees it, no part of it says that it does not work, and its certificate is there. */
  const healthy = (): Promise<string> =>
    vm.until(
      'systemctl is-active porchlight-box && porchlight status > /run/status && grep "days left" /run/status',
      { seconds: 1500 },
    );
  const note = (): Promise<string> => vm.until('cat /boot/firmware/porchlight.txt', { seconds: 300 });

  async function cutWithin(ms: number): Promise<void> {
    const moment = Math.random() * ms;
    process.stderr.write(`the plug is pulled after ${(moment / 1000).toFixed(1)} s\n`);
    await delay(moment);
    await vm.kill();
  }

  it.each([1, 2, 3, 4, 5])(
    'twice in the first start, card %i: it comes up, and is who it once said it is',
    async () => {
      vm = home.machine({ durable: true });
      const said = new Set<string>();
      for (let cut = 0; cut < 2; cut++) {
        await vm.start();
        await cutWithin(startMs);
        const left = vm.readFromCard('porchlight.txt');
        // A note that is there is a whole one.
        if (left !== undefined) said.add(boxIdIn(left));
      }
      await vm.start();
      await healthy();
      said.add(boxIdIn(await note()));
      expect([...said]).toHaveLength(1);
    },
    90 * minutes,
  );

  it(
    'ten times in an update, its restart and its trial: it comes back healthy, with its name and its people',
    async () => {
      vm = home.machine({ durable: true });
      await vm.start();
      await healthy();
      const id = home.claim(await note(), robin);
      const bundle = readFileSync(await bundleOf({ version: '90.3.0', folder }));
      const sent = await vm.ssh('cat > /data/bundle.raucb && sync', { input: bundle, seconds: 900 });
      expect(`${sent.code}${sent.err}`).toBe('0');
      for (let cut = 0; cut < 10; cut++) {
        // Refused while the release that the last cut has left on trial is not found good or bad.
        const update =
          'until porchlight update /data/bundle.raucb; do sleep 5; done; porchlight update --restart';
        void vm.ssh(update, { seconds: 1200 });
        await cutWithin(2 * startMs);
        await vm.start();
        await healthy();
        expect(await vm.until('porchlight id')).toContain(id);
        home.signIn(id, robin);
      }
      await vm.until('rauc status --output-format=json | grep -q booted', { seconds: 900 });
    },
    240 * minutes,
  );
});
