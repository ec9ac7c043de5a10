import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/cli/home/free-port.ts';
import { Child } from '../../src/kit/runtime/child.ts';
import { exchangeUdp, query } from '../cloud/dns-server/dns-client.ts';

/** Unbound as a caching resolver that finds the zone root's servers as any resolver would, but for their port. */
export async function startUnbound(options: {
  folder: string;
  zoneRoot: string;
  dnsPort: number;
}): Promise<{ port: number; stop(): Promise<unknown> }> {
  const { folder, zoneRoot, dnsPort } = options;
  mkdirSync(folder);
  const port = await freePort();
  const file = join(folder, 'unbound.conf');
  writeFileSync(
    file,
    `server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  do-not-query-localhost: no
  num-threads: 1
  use-caps-for-id: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
  harden-referral-path: no
  local-zone: "localhost." nodefault
stub-zone:
  name: "${zoneRoot}"
  stub-addr: 127.0.0.1@${dnsPort}
`,
  );
  const lines: string[] = [];
  const child = new Child({
    command: 'unbound',
    args: ['-d', '-c', file],
    onLine: (line) => lines.push(line),
  });
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if ((await exchangeUdp(port, query(zoneRoot, 'SOA'), 200)) !== undefined)
      return { port, stop: () => child.stop() };
  }
  await child.stop();
  throw new Error(`unbound does not start: ${lines.join('\n')}`);
}
