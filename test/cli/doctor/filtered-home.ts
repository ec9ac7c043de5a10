import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { Cloud } from '../../../src/cloud/cloud.ts';
import { CloudConfig } from '../../../src/cloud/config.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { freePorts } from '../../../src/cli/home/ports.ts';
import type { Identity } from '../../../src/box/facts.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { serviceManager } from '../../../src/kit/runtime/systemd.ts';

const zoneRoot = 'box.test';

/**
 * A dns-server whose names are not below `.localhost`, which resolvers are never asked for, with a zone of `identity`
 * that holds the loopback address.
 */
export async function startDnsServer(
  folder: string,
  identity: Identity,
): Promise<{ settings: string[]; dns: string; stop: () => Promise<void> }> {
  const ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue(['localhost']);
  const files = { cert: certPem, key: keyPem, ca: ca.caPem };
  for (const [name, pem] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), pem);
  const ports = await freePorts();
  const settings = {
    state: join(folder, 'cloud'),
    'zone.root': zoneRoot,
    'tls.cert-file': join(folder, 'cert.pem'),
    'tls.key-file': join(folder, 'key.pem'),
    'dns.hosts': '127.0.0.1',
    'dns.port': ports.dns,
    'zone-api.host': '127.0.0.1',
    'zone-api.port': ports.zoneApi,
    'system.port': ports.cloudSystem,
  };
  const args = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
  const { config } = loadConfig(CloudConfig, { env: {}, args });
  const cloud = new Cloud({ config, parts: ['dns-server'], manager: serviceManager({}), log: silentLog });
  const { signal } = new AbortController();
  await cloud.start(signal);
  const origin = `https://localhost:${ports.zoneApi}`;
  const client = new ZoneClient({ identity, origin, ca: ca.caPem });
  await client.put({ main: ['127.0.0.1'], mirrors: {}, tunnel: [] }, signal);
  await client.close();
  return {
    settings: [
      '--zone.root',
      zoneRoot,
      '--cloud.zone-api',
      origin,
      '--cloud.ca-file',
      join(folder, 'ca.pem'),
    ],
    dns: `127.0.0.1:${ports.dns}`,
    stop: () => cloud.stop(),
  };
}

/**
 * A home's resolver. `filtering`: it knows the zone and drops private addresses, as routers against DNS rebinding do;
 * `ignorant`: it knows no such zone; `remembering`: it has an address from before.
 */
export async function startResolver(
  kind: 'filtering' | 'ignorant' | 'remembering',
): Promise<{ address: string; stop: () => void }> {
  const socket: Socket = createSocket('udp4', (message, from) => {
    const { id, questions = [] } = decode(message);
    const [question] = questions;
    const soa = {
      type: 'SOA' as const,
      name: zoneRoot,
      ttl: 60,
      data: { mname: `ns1.${zoneRoot}`, rname: `hostmaster.${zoneRoot}`, serial: 1 },
    };
    const known = { type: 'A' as const, name: question?.name ?? '', ttl: 60, data: '192.168.7.7' };
    const rcode = kind === 'ignorant' ? 3 : 0;
    const answers = question?.type === 'SOA' ? [soa] : kind === 'remembering' ? [known] : [];
    socket.send(
      encode({
        id: id ?? 0,
        type: 'response',
        flags: 0x80 | rcode,
        questions,
        answers: rcode === 0 ? answers : [],
      }),
      from.port,
      from.address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, stop: () => void socket.close() };
}
