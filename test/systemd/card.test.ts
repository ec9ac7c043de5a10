import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { type Manager, startManager, withoutManager } from './manager.ts';

const reason = withoutManager();
if (reason !== undefined)
  process.stderr.write(`SKIPPED: the card under a systemd of its own, because ${reason}\n`);

/** A card and data as the appliance has them; a file system that is mounted read-only. */
const mounts = `set -e
mkdir -p /boot/firmware /data
mount -t tmpfs tmpfs /data
mount -t tmpfs tmpfs /boot/firmware
printf 'name = "Attic"\\ncolour = "red"\\n' >/boot/firmware/porchlight.toml
mount -o remount,ro /boot/firmware
rm -rf /etc/porchlight
ln -s /data/etc/porchlight /etc/porchlight`;

describe.skipIf(reason !== undefined)('the card', () => {
  let manager: Manager;
  const shell = (script: string): Promise<string> => manager.run('sh', '-c', script);
  const onCard = (name: string): Promise<string> => shell(`cat /boot/firmware/${name} 2>&1`);
  const putOnCard = (name: string, text: string): Promise<string> =>
    shell(
      `mount -o remount,rw /boot/firmware && printf '${text}' >/boot/firmware/${name} && mount -o remount,ro /boot/firmware`,
    );

  /** What is said of a note that leads to what only root may read. */
  const linked = async (): Promise<string> => {
    // Each time: the box puts a note of its own in its place when it has something to say.
    await shell('runuser -u porchlight -- ln -sf /etc/shadow /run/porchlight/note.new');
    await shell('runuser -u porchlight -- mv -T /run/porchlight/note.new /run/porchlight/note');
    await shell('runuser -u porchlight -- mkdir -p /run/porchlight/note-waiting/x');
    return shell('journalctl -u porchlight-note --no-pager -o cat');
  };

  beforeAll(async () => {
    manager = await startManager(temporaryFolder());
    await manager.run('systemd-sysusers', 'porchlight.conf');
    await shell(mounts);
    await manager.run('systemctl', 'start', 'porchlight-note.path', 'porchlight-reboot.path');
    await manager.run('systemctl', 'start', 'porchlight-box');
    return () => manager.stop();
  });

  it('gives the box its settings, and gets its note and its problems', async () => {
    expect(await shell('curl -s http://127.0.0.1:4480/status')).toContain('"name":"Attic"');
    expect(await onCard('porchlight-problems.txt')).toContain(
      'porchlight.toml: there is no key colour (line 2)',
    );
    const code = await shell('cat /var/lib/porchlight/access/setup-code');
    await expect.poll(() => onCard('porchlight.txt')).toContain(code);
    await expect.poll(() => onCard('porchlight.txt')).toContain('192.168.77.5');
    await expect.poll(() => shell('touch /boot/firmware/x 2>&1')).toContain('Read-only file system');
    for (const unit of ['porchlight-card', 'porchlight-note'])
      expect(await shell(`systemctl show -P Result ${unit}`)).toBe('success');
  });

  it('resets the box by a file, once, and says so', async () => {
    const code = await shell('cat /var/lib/porchlight/access/setup-code');
    await putOnCard('porchlight-reset.txt', 'reset');
    await manager.run('systemctl', 'restart', 'porchlight-box');
    await expect.poll(() => onCard('porchlight-outcome.txt')).toContain('has forgotten its people');
    await expect.poll(() => onCard('porchlight-reset.txt')).toContain('No such file');
    await expect.poll(() => onCard('porchlight.txt')).not.toContain(code);
  });

  it('a reset that is asked for by command is carried out by the next start, which comes by itself', async () => {
    const code = await shell('cat /var/lib/porchlight/access/setup-code');
    const main = '/usr/lib/porchlight/node_modules/.bin/node /usr/lib/porchlight/src/cli/main.ts';
    expect(await shell(`${main} reset --yes`)).toContain('The box has forgotten its people.');
    await expect.poll(() => shell('systemctl show -P NRestarts porchlight-box')).toBe('1');
    await expect.poll(() => onCard('porchlight.txt')).toContain('Setup code');
    await expect.poll(() => onCard('porchlight.txt')).not.toContain(code);
    expect(await shell('journalctl -p crit -t porchlight-failed --no-pager -q')).toBe('');
  }, 60_000);

  it('a restored box finds its own cloud, though the card does not say it', async () => {
    const main = '/usr/lib/porchlight/node_modules/.bin/node /usr/lib/porchlight/src/cli/main.ts';
    const zone = (): Promise<string> => shell(`${main} id --json`);
    // It has been started as often as a box in trouble may be.
    await manager.run('systemctl', 'reset-failed', 'porchlight-box');
    await putOnCard(
      'porchlight.toml',
      '[zone]\\nroot = "box.family.example"\\n[cloud]\\nzone-api = "https://dns.family.example:5300"\\n',
    );
    await manager.run('systemctl', 'restart', 'porchlight-box');
    expect(await zone()).toContain('.box.family.example"');
    expect(await shell(`echo a lamp beside the harbour | ${main} backup /tmp/b`)).toContain('/tmp/b: ');
    await putOnCard('porchlight.toml', 'name = "Cellar"\\n');
    await manager.run('systemctl', 'restart', 'porchlight-box');
    expect(await zone()).toContain('.box.porchlight.example"');
    expect(await shell(`echo a lamp beside the harbour | ${main} restore /tmp/b`)).toContain(
      'This box is “Porchlight” now',
    );
    await expect.poll(zone, { timeout: 60_000 }).toContain('.box.family.example"');
    await expect.poll(() => shell('systemctl is-active porchlight-box')).toBe('active');
    expect(await shell('curl -s http://127.0.0.1:4480/status')).toContain('"name":"Cellar"');
  }, 120_000);

  it('cannot be made to tell what only root may read', async () => {
    await expect.poll(linked, { interval: 500 }).toContain('/run/porchlight/note cannot be opened');
    expect(await onCard('porchlight.txt')).not.toContain('root:');
  });

  // The last one: the manager goes with it.
  it('a reboot is asked for by an empty file', async () => {
    await shell(
      'runuser -u porchlight -- sh -c "mkdir -p /run/porchlight/requests && : >/run/porchlight/requests/reboot"',
    );
    // It says so while it stops, and soon there is nobody to ask.
    await expect
      .poll(() => manager.run('systemctl', 'is-system-running'))
      .toMatch(/stopping|nsenter|Connection refused/);
  });
});
