import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notNow, skipped } from './long.ts';
import { Vm } from './vm.ts';

const reason = notNow();
const minutes = 60_000;

describe.skipIf(reason !== undefined)(`the built image${skipped(reason)}`, () => {
  let vm: Vm;

  beforeAll(async () => {
    // As a Pi's, its clock begins in 1970, and there is no time server.
    vm = new Vm({ toml: 'name = "Hall"\n', clock: 0 });
    await vm.start();
    await vm.until('systemctl is-active porchlight-box', { seconds: 900 });
  }, 20 * minutes);
  afterAll(async () => vm?.remove());

  const say = async (command: string): Promise<string> => {
    const { code, out, err } = await vm.ssh(command);
    expect(`${code} ${code === 0 ? '' : command + out + err}`).toBe('0 ');
    return out.trim();
  };

  it(
    'comes up whole, in slot A',
    async () => {
      const state = await vm.until('systemctl is-system-running --wait || [ $? = 1 ]', { seconds: 600 });
      expect(`${state.trim()} ${await say('systemctl --failed --plain --no-legend')}`).toBe('running ');
      expect(await say('rauc status --output-format=shell')).toContain("RAUC_SYSTEM_BOOTED_BOOTNAME='A'");
    },
    15 * minutes,
  );

  it(
    'has the card’s settings, an identity of its own and the note on the card',
    async () => {
      const note = await vm.until('cat /boot/firmware/porchlight.txt', { seconds: 300 });
      expect(note).toContain('Hall');
      expect(note).toMatch(/^Setup code +[A-Z0-9-]{9}$/m);
      expect(await say('cat /etc/machine-id')).toMatch(/^[0-9a-f]{32}$/);
      expect(await say('porchlight id')).toMatch(/[a-z2-7]{52}/);
    },
    10 * minutes,
  );

  it(
    'has a data partition as large as the card, and keeps on it what lasts',
    async () => {
      expect(Number(await say('df -BM --output=size /data | tail -n 1 | tr -dc 0-9'))).toBeGreaterThan(2500);
      const mounted = await say(
        'findmnt -no SOURCE /var/lib/porchlight /var/log/journal 2>&1; findmnt -no SOURCE /var/log/journal; findmnt -no SOURCE /var/lib/systemd/timesync',
      );
      expect(mounted).toContain('/journal]');
      expect(mounted).toContain('/timesync]');
      expect(await say('findmnt -no OPTIONS /run/slot')).toMatch(/^ro,/);
      expect(await say('findmnt -no OPTIONS /boot/firmware')).toMatch(/^ro,/);
    },
    5 * minutes,
  );

  it(
    'lets nobody in without a key, and serves nothing but what the firewall lets through',
    async () => {
      expect(
        await say(
          'sshd -T | grep -E "^(passwordauthentication|permitrootlogin|kbdinteractiveauthentication) " | sort',
        ),
      ).toBe('kbdinteractiveauthentication no\npasswordauthentication no\npermitrootlogin without-password');
      // No account has a password.
      expect(await say('cut -d: -f2 /etc/shadow | sort -u | tr "\\n" " "')).toMatch(/^(!\*?|\*|!| )+$/);
      expect(await say('nft list chain inet porchlight input')).toContain('policy drop');
    },
    5 * minutes,
  );

  it(
    'has the log’s fields, on data',
    async () => {
      expect(await say('journalctl -u porchlight-box -o json -n 200 | grep -c PORCHLIGHT_BOX_ID')).toMatch(
        /^[1-9]/,
      );
      expect(await say('journalctl --header | grep -c /var/log/journal/')).toMatch(/^[1-9]/);
    },
    5 * minutes,
  );

  it(
    'has a PageKite client that starts',
    async () => {
      expect(
        await say('python3 /usr/lib/porchlight/program/bin/pagekite-launcher.py /usr/bin/pagekite --appver'),
      ).toMatch(/^1\.5\.2/);
    },
    5 * minutes,
  );

  it(
    'knows no time before that of the image, and after a restart none before the last it knew',
    async () => {
      const now = async (): Promise<number> => Number(await say('date +%s'));
      const built = Number(await say('stat -c %Y /usr/lib/clock-epoch'));
      expect(built).toBeGreaterThan(Date.UTC(2026, 0) / 1000);
      expect(await now()).toBeGreaterThanOrEqual(built);
      expect(await now()).toBeLessThan(built + 3600);
      const who = 'porchlight id; cat /etc/machine-id; cat /data/ssh/ssh_host_ed25519_key.pub';
      const before = await say(who);
      await say(`date -s @${built + 40 * 86_400} && systemctl restart systemd-timesyncd`);
      await vm.stop();
      await vm.start();
      await vm.until('systemctl is-active porchlight-box', { seconds: 900 });
      expect(await now()).toBeGreaterThanOrEqual(built + 40 * 86_400);
      expect(await say(who)).toBe(before);
    },
    20 * minutes,
  );
});
