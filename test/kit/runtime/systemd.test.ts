import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { serviceManager } from '../../../src/kit/runtime/systemd.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { listenAsManager } from '../../support/service-manager.ts';

const folder = temporaryFolder();
const ending: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const end of ending.splice(0)) await end();
});

it('tells a real listener READY, STATUS, WATCHDOG and STOPPING', async () => {
  const path = join(folder, 'notify');
  const heard = await listenAsManager(path);
  ending.push(() => heard.stop());
  vi.stubEnv('NOTIFY_SOCKET', path);
  const manager = serviceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '1000000' });
  await manager.ready('all parts work');
  await manager.status('zone: cannot be reached');
  await manager.watchdog();
  await manager.stopping();
  await expect.poll(() => heard.messages()).toContainEqual(['STOPPING=1']);
  expect(heard.messages()).toEqual([
    ['READY=1', 'STATUS=all parts work'],
    ['STATUS=zone: cannot be reached'],
    ['WATCHDOG=1'],
    ['STOPPING=1'],
  ]);
});
