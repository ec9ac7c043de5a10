import { beforeAll, describe, expect, it } from 'vitest';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type Manager, startManager, withoutManager } from './manager.ts';

const reason = withoutManager();
if (reason !== undefined)
  process.stderr.write(`SKIPPED: the units under a systemd of their own, because ${reason}\n`);

const cloudSettings = `
[zone]
root = "box.example.org"
[tls]
cert-file = "/etc/porchlight/cloud.crt"
key-file = "/etc/porchlight/cloud.key"
[dns]
name-servers = { "ns1.box.example.org" = "192.168.77.5" }
[app]
registration = "https://registration.example.org:4443"
[relay]
endpoints = ["relay.example.org:443"]
addresses = ["192.168.77.5"]`;

// A busy machine starts six services slowly.
describe.skipIf(reason !== undefined)('under a systemd of their own', { timeout: 120_000 }, () => {
  let manager: Manager;
  const systemctl = (...args: readonly string[]): Promise<string> => manager.run('systemctl', ...args);
  const shown = (unit: string, property: string): Promise<string> => systemctl('show', '-P', property, unit);
  const write = (path: string, text: string): Promise<string> =>
    manager.run('sh', '-c', `printf '%s\\n' "$0" > ${path}`, text);
  const critical = (): Promise<string> => manager.run('journalctl', '-p', 'crit', '-o', 'cat', '--no-pager');

  beforeAll(async () => {
    manager = await startManager(temporaryFolder());
    await manager.run('systemd-sysusers', 'porchlight.conf');
    await manager.run('systemd-tmpfiles', '--create', 'porchlight.conf');
    await write('/etc/porchlight/box.toml', 'name = "Attic"');
    return () => manager.stop();
  });

  it('the box is ready, sees the network, and its children have no rights', async () => {
    expect(await systemctl('start', 'porchlight-box')).toBe('');
    const network = async (): Promise<string> => {
      const page = await manager.run('curl', '-s', 'http://127.0.0.1:4480/healthz');
      const { conditions } = JSON.parse(page) as { conditions: { name: string; message: string }[] };
      return conditions.find(({ name }) => name === 'network')?.message ?? '';
    };
    await expect.poll(network).toBe('192.168.77.5 on home0');
    expect(await manager.run('curl', '-sI', 'http://192.168.77.5/')).toContain(' 308 ');
    const rights = 'for pid in $(pgrep -u porchlight -x ip); do grep CapEff /proc/$pid/status; done';
    expect(await manager.run('sh', '-c', rights)).toMatch(/^CapEff:\s0+$/);
    expect(await manager.run('stat', '-c', '%U %a', '/var/lib/porchlight')).toBe('porchlight 700');
  });

  it('each part of the cloud is ready, one beside the other, and stopped for the whole', async () => {
    // Both want port 443.
    await systemctl('stop', 'porchlight-box');
    const certificate = await (await createTestCa()).issue(['registration.example.org']);
    await write('/etc/porchlight/cloud.key', certificate.keyPem);
    await write('/etc/porchlight/cloud.crt', certificate.certPem);
    await manager.run('chown', 'porchlight-cloud', '/etc/porchlight/cloud.key');
    await write('/etc/porchlight/cloud.toml', cloudSettings);
    const parts = ['dns-server', 'registration-server', 'mailbox', 'relay', 'app'].map(
      (name) => `porchlight-${name}`,
    );
    expect(await systemctl('start', ...parts)).toBe('');
    expect(await systemctl('is-active', ...parts)).toBe(parts.map(() => 'active').join('\n'));
    expect(await systemctl('start', 'porchlight-cloud')).toBe('');
    expect(await systemctl('is-active', ...parts)).toBe(parts.map(() => 'inactive').join('\n'));
    expect(await systemctl('stop', 'porchlight-cloud')).toBe('');
    expect(await shown('porchlight-cloud', 'Result')).toBe('success');
  });

  it('a box that hangs or crashes over and over is failed, and leaves nothing with avahi-daemon', async () => {
    // The waiting is no part of what is tested.
    const folder = '/run/systemd/system/porchlight-box.service.d';
    await manager.run('mkdir', '-p', folder);
    await write(`${folder}/soon.conf`, '[Service]\nRestartSec=100ms\nWatchdogSec=2s');
    await systemctl('daemon-reload');
    await systemctl('restart', 'porchlight-box');
    await write('/etc/avahi/services/porchlight-left.service', '');
    await systemctl('kill', '-s', 'STOP', '--kill-who=main', 'porchlight-box');
    await expect.poll(() => shown('porchlight-box', 'NRestarts')).toBe('1');
    expect(await manager.run('ls', '/etc/avahi/services')).toBe('');
    await expect
      .poll(async () => {
        await systemctl('kill', '-s', 'KILL', 'porchlight-box');
        return shown('porchlight-box', 'ActiveState');
      })
      .toBe('failed');
    await expect.poll(critical).toContain('porchlight-box.service has failed');
  });

  it('a wrong setting is failed at once', async () => {
    await write('/etc/porchlight/box.toml', 'nane = "Attic"');
    await systemctl('reset-failed', 'porchlight-box');
    await systemctl('start', 'porchlight-box');
    expect(await shown('porchlight-box', 'ActiveState')).toBe('failed');
    expect(await shown('porchlight-box', 'NRestarts')).toBe('0');
  });
});
