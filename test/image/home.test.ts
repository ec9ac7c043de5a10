import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { partitions } from '../../image/build/layout.ts';
import { noBrowser } from '../web/browser.ts';
import { noHomeNow, skipped } from './long.ts';
import { boxIdIn, type Owner, VmHome } from './vm-home.ts';
import type { Vm } from './vm.ts';

const reason = noHomeNow() ?? noBrowser;
const minutes = 60_000;
/** What the person saw who did not get on. */
const stuckPicture = join(import.meta.dirname, '../../test-output/image-stuck.png');
const robin: Owner = { name: 'Robin', password: 'nine violet teapots' };
const passphrase = 'eleven quiet lanterns';

/** One box from the image, in one home; each test goes on where the one before has ended. */
describe.skipIf(reason !== undefined)(`a box in a home${skipped(reason)}`, () => {
  let home: VmHome;
  let vm: Vm;
  let page: Page;
  let boxId: string;
  let backup: Buffer;
  beforeAll(async () => {
    home = await VmHome.open();
    vm = home.machine({ toml: 'name = "Hall"\n', durable: true });
    await vm.start();
  }, 5 * minutes);
  afterAll(async () => home?.close());
  let stuck = false;
  beforeEach(({ skip, onTestFailed }) => {
    skip(stuck, 'the box did not get so far: see the test that failed');
    onTestFailed(async () => {
      stuck = true;
      await page?.screenshot({ path: stuckPicture }).catch(() => undefined);
    });
  });

  const note = (): Promise<string> => vm.until('cat /boot/firmware/porchlight.txt', { seconds: 900 });
  const say = async (command: string): Promise<string> => {
    const { code, out, err } = await vm.ssh(command);
    expect(`${code}${code === 0 ? '' : ` ${command} ${out}${err}`}`).toBe('0');
    return out.trim();
  };
  /** Fetched with the certificate verified, by the name that the home's resolver gives. */
  async function trustedPage(name: 'main' | 'tunnel', from = home.network.laptop): Promise<void> {
    const url = `https://${home.names(boxId)[name]}/`;
    const patience = { timeout: 10 * minutes, interval: 1000 };
    await expect.poll(() => home.fetch(url, { from }), patience).toContain('<title>');
  }

  it(
    'gets an address by DHCP, makes its identity, and says on the card who it is',
    async () => {
      await vm.until('systemctl is-active porchlight-box', { seconds: 1200 });
      const text = await note();
      boxId = boxIdIn(text);
      expect(text).toContain('“Hall”');
      expect(text).toMatch(/^Address +192\.168\.1\.20, fd12:3456:789a:1:/m);
      expect(text).toMatch(/^Setup code +[A-Z0-9]{4}-[A-Z0-9]{4}$/m);
      expect(text).toContain(`https://${home.names(boxId).main}/`);
      expect(await say('porchlight id')).toContain(boxId);
    },
    30 * minutes,
  );

  it(
    'has a page that is trusted at home, by its name in the DNS',
    async () => {
      await trustedPage('main');
      expect(home.orders).toBe(1);
    },
    12 * minutes,
  );

  it(
    'is found on the home network with no cloud, and proves who it is',
    async () => {
      await expect
        .poll(() => home.porchlight('find', '--json'), { timeout: 2 * minutes, interval: 1000 })
        .toContain(boxId);
    },
    3 * minutes,
  );

  it(
    'becomes somebody’s in the browser of the laptop, from the app and back to it',
    async () => {
      const context = await (await home.browser()).newContext({ locale: 'en-GB' });
      context.setDefaultTimeout(3 * minutes);
      page = await context.newPage();
      const press = (name: string | RegExp): Promise<void> =>
        page.getByRole('button', { name, exact: true }).click();
      await page.goto(home.appOrigin);
      await press(/^Connect to /);
      await page.getByRole('heading', { name: 'Welcome' }).waitFor();
      expect(new URL(page.url()).origin).toBe(`https://${home.names(boxId).main}`);
      const setupCode = /^Setup code +(\S+)$/m.exec(await note())?.[1] ?? '';
      await page.getByLabel('Setup code').fill(setupCode);
      await page.getByLabel('Your name').fill(robin.name);
      await page.getByRole('textbox', { name: 'Password' }).fill(robin.password);
      await press('Make this box mine');
      await press('I’ve saved it');
      await press('Not now');
      await press('Allow');
      // The app is on the internet, and touches nothing at home unless it is allowed to.
      await page.getByText('Through the tunnel, encrypted all the way to the box').waitFor();
      await page.getByText('Everything works.').waitFor();
      expect(page.url()).toBe(`${home.appOrigin}/#/box/${boxId}`);
    },
    20 * minutes,
  );

  it(
    'is reached from the internet through the tunnel, and the note has no setup code any more',
    async () => {
      await trustedPage('tunnel', home.network.cloud);
      await expect.poll(note, { timeout: 2 * minutes, interval: 1000 }).not.toContain('Setup code');
    },
    15 * minutes,
  );

  it(
    'is healthy as a whole',
    async () => {
      await vm.until('porchlight status', { seconds: 300 });
      await vm.until('systemctl is-system-running --wait', { seconds: 300 });
      expect(await say('systemctl --failed --plain --no-legend')).toBe('');
    },
    12 * minutes,
  );

  it(
    'keeps people and name over a power cut, also one that hit the beginning of data, and asks the CA for nothing',
    async () => {
      await vm.kill();
      vm.writeAt(partitions[3].start * 2 ** 20, Buffer.alloc(4096));
      await vm.start();
      await vm.until('porchlight status', { seconds: 1200 });
      home.signIn(boxId, robin);
      expect(boxIdIn(await note())).toBe(boxId);
      expect(home.orders).toBe(1);
    },
    30 * minutes,
  );

  it(
    'goes on with a full disk, comes back with one, and is whole when there is space again',
    async () => {
      await vm.ssh('cat /dev/zero > /data/full; sync; cat /dev/zero > /data/more; sync', { seconds: 900 });
      expect(Number(await say('df --output=avail /data | tail -n 1'))).toBeLessThan(200);
      expect(home.fetch(`https://${home.names(boxId).main}/`)).toContain('<title>');
      await vm.kill();
      await vm.start();
      await vm.until('systemctl is-active porchlight-box', { seconds: 1200 });
      await trustedPage('main');
      expect(await say('porchlight id')).toContain(boxId);
      await say('rm /data/full /data/more && sync');
      await vm.until('porchlight status', { seconds: 600 });
      home.signIn(boxId, robin);
    },
    60 * minutes,
  );

  it(
    'restarts when data has become read-only, which repairs it',
    async () => {
      expect(await say('systemctl is-active porchlight-repair.timer')).toBe('active');
      const nothingToDo = 'systemctl start porchlight-repair; systemctl is-system-running';
      expect(await say(nothingToDo)).toBe('running');
      await vm.throughRestart(async () => {
        // As if ext4 had found damage.
        await say('echo now > /sys/fs/ext4/$(basename $(findmnt -no SOURCE /data))/trigger_fs_error');
        await vm.ssh('systemctl start porchlight-repair', { seconds: 20 });
      });
      await vm.until('porchlight status', { seconds: 1200 });
      expect(await say('touch /data/x && rm /data/x && cat /run/fsck.log')).toContain('with errors');
      home.signIn(boxId, robin);
    },
    60 * minutes,
  );

  it(
    'is made again from a backup on a fresh card: same name, same people, and the CA is asked for nothing',
    async () => {
      const made = await vm.ssh('porchlight backup /data/hall.backup', { input: `${passphrase}\n` });
      expect(`${made.code} ${made.err}`).toMatch(/^0 /);
      backup = Buffer.from(await say('base64 /data/hall.backup'), 'base64');
      await vm.remove();
      // Another card, which knows nothing of this home's cloud.
      vm = home.machine({
        told: false,
        durable: true,
        files: { 'porchlight-restore.backup': backup, 'porchlight-restore.txt': `${passphrase}\n` },
      });
      await vm.start();
      await vm.until(`porchlight id | grep -q ${boxId}`, { seconds: 1200 });
      await trustedPage('main');
      home.signIn(boxId, robin);
      await trustedPage('tunnel', home.network.cloud);
      expect(home.orders).toBe(1);
      expect(await vm.until('cat /boot/firmware/porchlight-outcome.txt', { seconds: 120 })).toContain(
        'restored',
      );
      const card = await say('ls /boot/firmware');
      expect(card).not.toContain('porchlight-restore');
    },
    60 * minutes,
  );

  it(
    'begins anew by a file on the card: people are forgotten, the name stays; with the word forget that goes too',
    async () => {
      await vm.stop();
      vm.writeToCard({ 'porchlight-reset.txt': 'reset\n' });
      await vm.start();
      await expect
        .poll(() => vm.ssh('cat /boot/firmware/porchlight.txt').then(({ out }) => out), {
          timeout: 20 * minutes,
          interval: 2000,
        })
        .toContain('Setup code');
      expect(boxIdIn(await note())).toBe(boxId);
      await trustedPage('main');
      expect(() => home.signIn(boxId, robin)).toThrow(/curl/);
      await vm.stop();
      vm.writeToCard({ 'porchlight-reset.txt': 'forget\n' });
      await vm.start();
      await vm.until(`porchlight id | grep -v ${boxId}`, { seconds: 1200 });
    },
    60 * minutes,
  );
});
