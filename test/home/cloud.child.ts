/* A cloud in a namespace: the dns-server, on the ports it has in the world. Argument: `CloudArguments` as JSON. */
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { DnsServer } from '../../src/cloud/dns-server/dns-server.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { createLog } from '../../src/kit/log/log.ts';
import type { CloudArguments } from './parts.ts';

const { zoneRoot, address, stateFolder } = JSON.parse(process.argv[2] ?? '') as CloudArguments;
const ca = await createTestCa();
const server = new DnsServer({
  zoneRoot,
  nameServers: [{ name: `ns1.${zoneRoot}`, addresses: [address] }],
  dns: { hosts: [address], port: 53 },
  api: { host: address, port: 5300 },
  apiTls: await ca.issue([address]),
  stateFolder,
  masterKey: Buffer.alloc(32, 1),
  relays: [],
  relayAddresses: [address],
  relayPublicPort: 443,
  caaIssuers: [],
  log: createLog({ level: 'warn', format: 'terminal' }),
  clock: systemClock,
  random: Math.random,
  health: new Health(systemClock),
});
await server.start(AbortSignal.timeout(10_000));
process.stdout.write(`${JSON.stringify({ origin: `https://${address}:5300`, ca: ca.caPem })}\n`);
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
