import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/cli/home/free-port.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { Cloud } from '../../src/cloud/cloud.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { createLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import { temporaryFolder } from '../support/folder.ts';
import { soon } from '../support/soon.ts';
import { tinyDisk } from '../support/tiny-disk.ts';
import { ApiCaller, createTestIdentity } from './dns-server/support.ts';

const folder = temporaryFolder();
const disk = tinyDisk(join(folder, 'state'), '4m');
const zoneRoot = 'box.example.org';

describe.skipIf(disk === undefined)('a cloud whose disk is full', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
    disk?.unmount();
  });

  it('refuses what would have to be saved with 507, says so once and in one condition, and goes on by itself', async () => {
    const ca = await createTestCa();
    const tls = await ca.issue(['localhost', '127.0.0.1']);
    for (const [name, pem] of Object.entries(tls)) writeFileSync(join(folder, name), pem);
    const ports = { api: await freePort(), registration: await freePort(), system: await freePort() };
    const args = [
      `--state=${join(folder, 'state')}`,
      `--zone.root=${zoneRoot}`,
      `--tls.cert-file=${join(folder, 'certPem')}`,
      `--tls.key-file=${join(folder, 'keyPem')}`,
      '--dns.hosts=127.0.0.1',
      `--dns.port=${await freePort()}`,
      '--zone-api.host=127.0.0.1',
      `--zone-api.port=${ports.api}`,
      '--registration.host=127.0.0.1',
      `--registration.port=${ports.registration}`,
      `--system.port=${ports.system}`,
    ];
    const { config } = loadConfig(CloudConfig, { env: {}, args });
    const lines: string[] = [];
    const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
    const cloud = new Cloud({
      config,
      parts: ['dns-server', 'registration-server'],
      manager: serviceManager({}),
      log,
    });
    await cloud.start(AbortSignal.timeout(30_000));
    ends.push(() => cloud.stop());

    const identity = await createTestIdentity();
    const zones = new ApiCaller(ports.api, ca.caPem, identity);
    const registration = new ApiCaller(ports.registration, ca.caPem, identity);
    ends.push(
      () => zones.close(),
      () => registration.close(),
    );
    let change = 0;
    const write = async (): Promise<number> => {
      const main = [`10.0.${++change >> 8}.${change & 255}`];
      const records = { main, mirrors: {}, tunnel: [] };
      return (await zones.call('PUT', `/v1/zones/${identity.boxId}`, records)).status;
    };
    const zone = `${identity.boxId}.${zoneRoot}`;
    const announce = async (): Promise<number> => {
      const message = {
        v: '1.0',
        name: 'Kitchen',
        claimed: true,
        local_origin: `https://${zone}`,
        mirror_origins: [],
        tunnel_origin: `https://remote.${zone}`,
      };
      const body = { client: identity.boxId, message: JSON.stringify(message) };
      return (await registration.call('POST', '/register', body)).status;
    };
    const storage = async (): Promise<string | undefined> => {
      const said = await fetch(`http://127.0.0.1:${ports.system}/healthz`);
      const { conditions } = (await said.json()) as { conditions: { name: string; code?: string }[] };
      return conditions.find(({ name }) => name === 'storage')?.code;
    };
    expect(await write()).toBe(200);
    expect(await announce()).toBe(200);
    expect(await storage()).toBeUndefined();

    disk?.fill(true);
    await expect.poll(storage, soon).toBe('storage-full');
    // There is room for some more in the logs that the stores have already.
    await expect.poll(write, { ...soon, interval: 1 }).toBe(507);
    for (let count = 0; count < 20; count++) expect(await write()).toBe(507);
    // Of one box so many are taken at once.
    const announced = new Set<number>();
    for (let count = 0; count < 10; count++) announced.add(await announce());
    expect([...announced].filter((status) => ![200, 507].includes(status))).toEqual([]);
    expect((await zones.call('GET', `/v1/zones/${identity.boxId}`)).status).toBe(200);
    const told = lines.filter((line) => line.includes('storage-full'));
    expect(told).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"stack"'))).toEqual([]);

    disk?.fill(false);
    await expect.poll(storage, soon).toBeUndefined();
    expect(await write()).toBe(200);
    expect(lines.filter((line) => line.includes('changes are saved again'))).toHaveLength(1);
  });
});
