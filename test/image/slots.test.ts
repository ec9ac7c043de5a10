import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { bundleOf } from './bundles.ts';
import { notNow, skipped } from './long.ts';
import { Vm } from './vm.ts';

const reason = notNow();
const minutes = 60_000;

/** How often the boot loader has tried slot B since the machine was started. */
const triesOfB = ({ serial }: Vm): number => serial.split('slot B').length - 1;

describe.skipIf(reason !== undefined)(`the two slots${skipped(reason)}`, () => {
  let vm: Vm;
  const folder = temporaryFolder();

  beforeAll(async () => {
    vm = new Vm({ durable: true });
    await vm.start();
    await vm.until(
      'systemctl is-active rauc || busctl call de.pengutronix.rauc / org.freedesktop.DBus.Peer Ping',
      { seconds: 900 },
    );
  }, 20 * minutes);
  afterAll(async () => vm?.remove());

  const booted = (): Promise<string> =>
    vm
      .until("rauc status --output-format=shell | sed -n 's/^RAUC_SYSTEM_BOOTED_BOOTNAME=//p' | grep .", {
        seconds: 900,
      })
      .then((text) => text.replaceAll(/['"\s]/g, ''));

  /** Hands a bundle over and installs it; answers what RAUC said, with its exit code in front. */
  async function install(bundle: Buffer): Promise<string> {
    const sent = await vm.ssh('cat > /data/bundle.raucb && sync', { input: bundle, seconds: 600 });
    expect(`${sent.code}${sent.err}`).toBe('0');
    const { code, out, err } = await vm.ssh('rauc install /data/bundle.raucb 2>&1', { seconds: 900 });
    return `${code}: ${out}${err}`;
  }

  const restart = (): Promise<void> => vm.throughRestart(() => vm.ssh('systemctl reboot', { seconds: 20 }));

  it(
    'comes back to the slot that works when the new one cannot start, by the boot loader alone',
    async () => {
      // The kernel finds no init and panics.
      const broken = await bundleOf({
        version: '90.1.0',
        folder,
        changes: ['rm /boot/initrd.img', 'write /dev/null /boot/initrd.img'],
      });
      expect(await install(readFileSync(broken))).toMatch(/^0: /);
      await restart();
      expect(await booted()).toBe('A');
      expect(vm.serial).toContain('slot B');
    },
    30 * minutes,
  );

  it(
    'comes back from a release that hangs before anything of the box runs',
    async () => {
      const units = '/usr/lib/systemd/system';
      const hangs = join(folder, 'hangs.service');
      writeFileSync(
        hangs,
        '[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n',
      );
      // The image waits for ten minutes.
      const impatient = join(folder, 'impatient.conf');
      writeFileSync(impatient, '[Unit]\nJobTimeoutSec=1min\n');
      const bundle = await bundleOf({
        version: '90.3.0',
        folder,
        changes: [
          `write ${hangs} ${units}/hangs.service`,
          `symlink ${units}/sysinit.target.wants/hangs.service ../hangs.service`,
          `write ${impatient} ${units}/basic.target.d/test.conf`,
        ],
      });
      const before = triesOfB(vm);
      expect(await install(readFileSync(bundle))).toMatch(/^0: /);
      await restart();
      expect(await booted()).toBe('A');
      expect(triesOfB(vm) - before).toBe(3);
    },
    60 * minutes,
  );

  it(
    'starts the new slot, and the old one again when that is cut off three times before it is found good',
    async () => {
      const good = await bundleOf({ version: '90.2.0', folder });
      expect(await install(readFileSync(good))).toMatch(/^0: /);
      await restart();
      expect(await booted()).toBe('B');
      expect(await vm.until('cat /run/slot/usr/lib/porchlight/package.json')).toContain('"name"');
      for (let cut = 0; cut < 3; cut++) {
        await vm.kill();
        await vm.start();
        // Long enough for the boot loader to have counted.
        await vm.saysOnSerial(/slot (A|B)/, 120);
      }
      expect(vm.serial).toMatch(/slot A/);
      expect(await booted()).toBe('A');
    },
    60 * minutes,
  );
});
