import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { type Manager, startManager, withoutManager } from './manager.ts';
import { installedAt, unitFolder } from './unit.ts';

const reason = withoutManager();
if (reason !== undefined) process.stderr.write(`SKIPPED: the journal's fields, because ${reason}\n`);

/** What `OpenFile=` does, for a systemd that is older than it (253). */
const opener = `import os, socket, sys
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.connect("/run/systemd/journal/socket")
os.dup2(journal.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="journal")
os.execv(sys.argv[1], sys.argv[1:])`;

describe.skipIf(reason !== undefined)('the log of the box, in a journal of its own', () => {
  let manager: Manager;
  let boxId = '';
  const messages = (...matches: readonly string[]): Promise<string> =>
    manager.run('journalctl', '-u', 'porchlight-box', '-o', 'cat', '--no-pager', ...matches);

  beforeAll(async () => {
    manager = await startManager(temporaryFolder());
    const write = (path: string, text: string): Promise<string> =>
      manager.run('sh', '-c', `mkdir -p "$(dirname ${path})" && printf '%s\\n' "$0" > ${path}`, text);
    await manager.run('systemd-sysusers', 'porchlight.conf');
    await write('/etc/porchlight/box.toml', '[mdns]\nadapter = "off"');
    const version = Number(/\d+/.exec(await manager.run('systemctl', '--version'))?.[0]);
    const main = `${installedAt}/node_modules/.bin/node ${installedAt}/src/cli/main.ts box`;
    await write('/opt/opener.py', opener);
    await write(
      '/run/systemd/system/porchlight-box.service.d/journal.conf',
      version >= 253
        ? readFileSync(join(unitFolder, 'journal.conf'), 'utf8')
        : `[Service]\nExecStart=\nExecStart=/usr/bin/python3 /opt/opener.py ${main}`,
    );
    await manager.run('systemctl', 'daemon-reload');
    await manager.run('systemctl', 'start', 'porchlight-box');
    const { boxId: id } = JSON.parse(await manager.run('curl', '-s', 'http://127.0.0.1:4480/status')) as {
      boxId: string;
    };
    boxId = id;
    return () => manager.stop();
  });

  it('is sentences, found by unit, part, priority and box id', async () => {
    // Nothing answers under the name of the cloud here: the zone part says so.
    await expect.poll(() => messages('-t', 'zone', '-p', 'warning')).not.toBe('');
    const warnings = await messages('-t', 'zone', '-p', 'warning', `PORCHLIGHT_BOX_ID=${boxId}`);
    expect(warnings).not.toBe('');
    expect(warnings).not.toContain('{"level"');
    expect(await messages('PORCHLIGHT_PART=network')).toContain('home addresses: 192.168.77.5');
    expect(await messages('-t', 'network', '-p', 'err')).toBe('');
    expect(await messages(`PORCHLIGHT_BOX_ID=${'a'.repeat(52)}`)).toBe('');
    expect(await messages()).not.toContain('{"level"');
  });

  it('answers what docs/FIRST-BOOT.md asks it', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/FIRST-BOOT.md'), 'utf8');
    const commands = page.split('\n').filter((line) => line.startsWith('journalctl '));
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) {
      const asked = command.replace(' -f ', ' -n 1 ').replace(/(PORCHLIGHT_BOX_ID=)\w+/, `$1${boxId}`);
      const said = await manager.run('sh', '-c', `${asked.split('#')[0]} --no-pager && echo answered`);
      expect(said).toMatch(/answered$/);
    }
  });

  it('comes as entries, and from the unit itself', async () => {
    const part = await manager.run(
      'journalctl',
      '-u',
      'porchlight-box',
      '-o',
      'json',
      '-n',
      '1',
      '-t',
      'zone',
    );
    expect(JSON.parse(part)).toMatchObject({
      _SYSTEMD_UNIT: 'porchlight-box.service',
      _TRANSPORT: 'journal',
    });
  });
});
