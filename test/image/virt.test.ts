import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notNow, skipped } from './long.ts';
import { Vm } from './vm.ts';

const reason = notNow('virt');
const minutes = 60_000;

describe.skipIf(reason !== undefined)(`the arm64 image, emulated${skipped(reason)}`, () => {
  let vm: Vm;

  beforeAll(() => {
    vm = new Vm({ board: 'virt' });
  });
  afterAll(async () => vm?.remove());

  it(
    'is started by U-Boot’s script and comes up whole; RAUC and U-Boot read the same variables',
    async () => {
      await vm.start();
      await vm.until('systemctl is-active porchlight-box', { seconds: 1200 });
      await vm.until('[ "$(systemctl is-system-running --wait)" = running ]', { seconds: 600 });
      expect(vm.serial).toContain('slot A, 2 starts left');
      // porchlight-confirm has marked the slot good, which gives it its starts back.
      expect(await vm.until('fw_printenv BOOT_A_LEFT | grep 3', { seconds: 300 })).toBe('BOOT_A_LEFT=3\n');
      expect((await vm.ssh('fw_printenv BOOT_ORDER')).out).toBe('BOOT_ORDER=A B\n');
    },
    40 * minutes,
  );
});
