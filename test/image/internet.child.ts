/* The internet of a home with a virtual machine: the whole cloud, and Pebble as the CA. Argument: `Internet` as JSON. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { Pebble } from '../../src/cli/home/pebble.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { Cloud, cloudParts } from '../../src/cloud/cloud.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { createLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import type { Internet } from './vm-home.ts';

const { folder, zoneRoot, cloud, app } = JSON.parse(process.argv[2] ?? '') as Internet;
const path = (name: string): string => join(folder, name);
const log = createLog({ level: 'debug', format: 'json' });
const ca = await createTestCa();
const { certPem, keyPem } = await ca.issue([cloud.name, app.name]);
writeFileSync(path('cert.pem'), certPem);
writeFileSync(path('key.pem'), keyPem);
writeFileSync(path('ca.pem'), ca.caPem);
const tls = { 'cert-file': path('cert.pem'), 'key-file': path('key.pem') };
writeFileSync(
  path('cloud.toml'),
  stringify({
    state: path('state'),
    zone: { root: zoneRoot },
    tls,
    dns: { hosts: [cloud.address], 'caa-issuers': ['pebble.letsencrypt.org'] },
    'zone-api': { host: cloud.address },
    registration: { host: cloud.address },
    mailbox: { host: cloud.address },
    relay: {
      host: cloud.address,
      endpoints: [`${cloud.name}:443`],
      addresses: [cloud.address],
      'cert-name': cloud.name,
      ...tls,
      'ca-file': path('ca.pem'),
    },
    app: { host: app.address, port: 443, registration: `https://${cloud.name}:4443` },
  }),
);
const running = new Cloud({
  config: loadConfig(CloudConfig, { env: {}, args: ['--config', path('cloud.toml')] }).config,
  parts: cloudParts,
  manager: serviceManager({}),
  log,
});
const pebble = new Pebble({
  folder: path('pebble'),
  dnsServer: `${cloud.address}:53`,
  ca,
  host: cloud.address,
  port: 14_000,
  managementPort: 15_000,
  log,
});
const signal = AbortSignal.timeout(60_000);
await pebble.start(signal);
await running.start(signal);
process.stdout.write(
  `${JSON.stringify({ directory: pebble.directoryUrl, cas: ca.caPem + (await pebble.roots()) })}\n`,
);
process.once('SIGTERM', () => {
  void Promise.allSettled([running.stop(), pebble.stop()]).then(() => process.exit(0));
});
