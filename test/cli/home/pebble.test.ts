import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Pebble, type PebbleOptions } from '../../../src/cli/home/pebble.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const running: Pebble[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((pebble) => pebble.stop()));
});

async function pebble(options: Partial<PebbleOptions> = {}): Promise<Pebble> {
  const made = new Pebble({
    folder,
    dnsServer: '127.0.0.1:9',
    ca: await createTestCa(),
    log: silentLog,
    ...options,
  });
  running.push(made);
  return made;
}

describe('Pebble', () => {
  it('answers when started, tells its root, and is gone when stopped', async () => {
    const started = await pebble();
    await started.start(AbortSignal.timeout(10_000));
    expect(started.directoryUrl).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/dir$/);
    expect(await started.roots()).toContain('-----BEGIN CERTIFICATE-----');
    const pid = started.pid ?? 0;
    await started.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('names a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failure = (await pebble({ port })).start(AbortSignal.timeout(10_000));
    await expect(failure).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(String(port)),
    });
    other.close();
  });

  it('fails with the last words when it is not installed', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync('/usr/bin/setpriv', join(bin, 'setpriv'));
    const failure = (await pebble({ env: { PATH: bin } })).start(AbortSignal.timeout(10_000));
    const message = expect.stringMatching(/pebble ended with 127: .*pebble/);
    await expect(failure).rejects.toMatchObject({ code: 'pebble-failed', message });
  });
});
