import type { DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

export const zoneRoot = 'box.example.org';
export const masterKey = Buffer.alloc(32, 3);

/** A dns-server on loopback, on any free ports. */
export function baseOptions(
  given: Pick<DnsServerOptions, 'stateFolder' | 'apiTls'> & Partial<DnsServerOptions>,
): DnsServerOptions {
  return {
    zoneRoot,
    nameServers: [
      { name: `ns1.${zoneRoot}`, addresses: ['127.0.0.1', '::1'] },
      { name: 'ns2.example.net', addresses: [] },
    ],
    dns: { hosts: ['127.0.0.1', '::1'], port: 0 },
    api: { host: '127.0.0.1', port: 0 },
    masterKey,
    relays: [{ address: 'relay.example.org:443' }],
    relayAddresses: ['203.0.113.7', '2001:db8::7'],
    relayPublicPort: 443,
    caaIssuers: ['letsencrypt.org'],
    acceptSha1Zones: true,
    log: silentLog,
    clock: systemClock,
    random: Math.random,
    health: new Health(systemClock),
    ...given,
  };
}
