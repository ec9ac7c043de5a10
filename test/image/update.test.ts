import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpdateState } from '../../src/protocol/update-api.ts';
import { temporaryFolder } from '../support/folder.ts';
import { bundleOf, strangersKey } from './bundles.ts';
import { notNow, skipped } from './long.ts';
import { type Answer, Vm } from './vm.ts';

const reason = notNow();
const minutes = 60_000;

describe.skipIf(reason !== undefined)(`updates in a machine${skipped(reason)}`, () => {
  let vm: Vm;
  const folder = temporaryFolder();
  const state = async (): Promise<UpdateState> =>
    JSON.parse(await vm.until('porchlight update --json', { seconds: 900 })) as UpdateState;
  const boxId = (): Promise<string> => vm.until('porchlight id', { seconds: 900 });

  beforeAll(async () => {
    vm = new Vm({ durable: true });
    await vm.start();
    // Not before the slot that came with the card is found good.
    await vm.until('journalctl -u porchlight-confirm -b -o cat | grep kept', { seconds: 1200 });
  }, 25 * minutes);
  afterAll(async () => vm?.remove());

  /** Brings a bundle to the box, as a person does with scp. */
  async function bring(bundle: string, bytes = Infinity): Promise<void> {
    const input = readFileSync(bundle).subarray(0, bytes);
    const sent = await vm.ssh('cat > /data/bundle.raucb && sync', { input, seconds: 900 });
    expect(`${sent.code}${sent.err}`).toBe('0');
  }

  /** The content of the slot that rests, as a hash. */
  const idle = async (): Promise<string> =>
    (await vm.ssh('sha256sum /dev/disk/by-partuuid/50524348-03', { seconds: 600 })).out;

  /** Has it written; answers what was said of that. */
  async function install(): Promise<Answer> {
    return vm.ssh('porchlight update /data/bundle.raucb', { seconds: 1800 });
  }

  const restartInto = (): Promise<void> =>
    vm.throughRestart(() => vm.until('porchlight update --restart', { seconds: 300 }), 1200);

  /** A bundle whose slot runs with less patience than the usual quarter of an hour. */
  function impatient(...changes: string[]): { folder: string; changes: string[] } {
    const setting = join(folder, 'impatient.conf');
    writeFileSync(setting, '[Service]\nEnvironment=PORCHLIGHT_UPDATE_TRIAL_MINUTES=5\n');
    const dropIns = '/usr/lib/systemd/system/porchlight-confirm.service.d';
    return {
      folder,
      changes: [`mkdir ${dropIns}`, `write ${setting} ${dropIns}/impatient.conf`, ...changes],
    };
  }

  it(
    'refuses a bundle of a stranger and one that is cut short, with the slot untouched',
    async () => {
      const before = await idle();
      await bring(await bundleOf({ version: '90.0.0', folder, signing: await strangersKey(folder) }));
      expect(await install()).toMatchObject({ code: 1, err: expect.stringContaining('signature') });
      const good = await bundleOf({ version: '90.0.1', folder });
      await bring(good, readFileSync(good).length - 5_000_000);
      expect(await install()).toMatchObject({ code: 1 });
      expect(await idle()).toBe(before);
    },
    40 * minutes,
  );

  it(
    'goes back from a release whose program does not run, and says so',
    async () => {
      const program = '/usr/lib/porchlight/program/bin/main.js';
      await bring(await bundleOf({ version: '90.1.0', ...impatient(`rm ${program}`) }));
      expect(await install()).toMatchObject({ code: 0 });
      await restartInto();
      await vm.until('[ "$(sed "s/.*rauc.slot=\\([^ ]*\\).*/\\1/" /proc/cmdline)" = A ]', { seconds: 1800 });
      await expect
        .poll(async () => (await state()).takenBack?.version, { timeout: 15 * minutes, interval: 5000 })
        .toBe('90.1.0');
    },
    80 * minutes,
  );

  it(
    'goes back from a release with which the box is not healthy, and says why',
    async () => {
      const page = '/usr/lib/porchlight/dist/web/console/index.html';
      await bring(await bundleOf({ version: '90.2.0', ...impatient(`rm ${page}`) }));
      expect(await install()).toMatchObject({ code: 0 });
      await restartInto();
      await vm.until('[ "$(sed "s/.*rauc.slot=\\([^ ]*\\).*/\\1/" /proc/cmdline)" = A ]', { seconds: 2400 });
      await expect
        .poll(async () => (await state()).takenBack, { timeout: 15 * minutes, interval: 5000 })
        .toMatchObject({ version: '90.2.0', reason: expect.stringContaining('does not answer') });
    },
    90 * minutes,
  );

  it(
    'keeps a release with which the box is healthy, with the same box id',
    async () => {
      const id = await boxId();
      await bring(await bundleOf({ version: '90.4.0', folder }));
      expect(await install()).toMatchObject({ code: 0 });
      const { slot } = await state();
      await restartInto();
      await vm.until('grep -q true /var/lib/porchlight-update/verdict.json', { seconds: 1800 });
      expect(await boxId()).toBe(id);
      expect((await state()).slot).not.toBe(slot);
      expect((await vm.ssh('cat /var/lib/porchlight-update/on-trial')).code).not.toBe(0);
    },
    80 * minutes,
  );
});
