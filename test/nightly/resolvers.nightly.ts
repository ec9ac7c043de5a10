import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zoneRoot } from '../cloud/dns-server/options.ts';
import { serverOptions } from '../cloud/dns-server/support.ts';
import { temporaryFolder } from '../support/folder.ts';
import { createNamespace, type Namespace, withoutNamespaces } from '../support/netns.ts';
import { resolverConfiguration } from './resolver-configuration.ts';

/*
 * What stands in front of a dns-server: resolvers that validate, below a parent that is signed (the zone itself is not:
 * RFC 4035, 5.2, an insecure delegation has to be proven). Each finds its way from the root, in a namespace of its own.
 */

const root = '45.45.45.1';
const servers = ['45.45.46.53', '91.91.91.53'] as const;
const address = '127.0.0.1';

const rootZone = `. 3600 SOA a.root-servers.net. admin.root-servers.net. 1 3600 600 86400 60
. 3600 NS a.root-servers.net.
a.root-servers.net. 3600 A ${root}
signed.net. 3600 TXT "signed"
${zoneRoot}. 3600 NS ns1.${zoneRoot}.
${zoneRoot}. 3600 NS ns2.${zoneRoot}.
ns1.${zoneRoot}. 3600 A ${servers[0]}
ns2.${zoneRoot}. 3600 A ${servers[1]}
`;

const knot = (folder: string): string => `
server:
    rundir: ${folder}
    listen: ${root}@53
database:
    storage: ${folder}
policy:
  - id: signed
    algorithm: ecdsap256sha256
    nsec3: off
zone:
  - domain: .
    storage: ${folder}
    file: root
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
    semantic-checks: off
    dnssec-signing: on
    dnssec-policy: signed
`;

/** dnsmasq forwards only: it validates what another resolver tells it, as in many a router. */
const behind: Readonly<Record<string, string>> = { dnsmasq: 'unbound' };
const ports: Readonly<Record<string, number>> = {
  unbound: 5301,
  named: 5302,
  kresd: 5303,
  pdns_recursor: 5304,
  dnsmasq: 5305,
};

describe.skipIf(withoutNamespaces)('behind a signed parent', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  let home: Namespace | undefined;
  let key = '';

  const dig = (port: number, ...words: string[]): string => {
    const where = port === 53 ? root : address;
    return home?.exec('dig', [`@${where}`, '-p', `${port}`, '+time=2', '+tries=1', ...words]) ?? '';
  };
  /** Until it answers: they start in their own time. */
  const patiently = async (port: number, expected: RegExp, ...words: string[]): Promise<string> => {
    for (let said = '', tries = 0; ; tries++) {
      try {
        said = dig(port, ...words);
      } catch (error) {
        said = String(error);
      }
      if (expected.test(said) || tries > 100) return said;
      await sleep(200);
    }
  };

  beforeAll(async () => {
    home = createNamespace();
    for (const each of [root, ...servers]) home.exec('ip', ['address', 'add', `${each}/32`, 'dev', 'lo']);
    writeFileSync(join(folder, 'root'), rootZone);
    writeFileSync(join(folder, 'knot.conf'), knot(folder));
    const { apiTls } = await serverOptions(folder);
    writeFileSync(join(folder, 'tls.json'), JSON.stringify(apiTls));
    home.spawn('knotd', ['-c', join(folder, 'knot.conf')], { stdio: 'ignore' });
    const child = join(import.meta.dirname, '../cloud/dns-server/zonemaster.child.ts');
    const args = [child, join(folder, 'state'), join(folder, 'tls.json'), ...servers];
    const server = home.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(server.stdout ?? server, 'data');
    const said = await patiently(53, /^257 /m, '.', 'DNSKEY', '+short');
    key = /^257 .*$/m.exec(said)?.[0] ?? '';
    if (key === '') throw new Error(`knotd does not tell its key: ${said}`);
  });
  afterAll(() => home?.remove());

  function start(name: string): number {
    const port = ports[name] ?? 0;
    const own = join(folder, name);
    mkdirSync(own);
    const upstream = ports[behind[name] ?? ''];
    const { files, line } = resolverConfiguration(name, { folder: own, port, root, key, upstream });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(own, file), text);
    const [program = '', ...args] = line;
    home?.spawn(program, args, { stdio: 'ignore', cwd: own });
    return port;
  }

  it.each(Object.keys(ports))(
    '%s validates the parent, and takes the zone without signatures',
    async (name) => {
      const port = start(name);
      // It does validate: what is signed is told to be so (AD; RFC 4035, 3.2.3).
      expect(await patiently(port, /flags:[^;]* ad[ ;]/, 'signed.net', 'TXT', '+adflag')).toMatch(
        /status: NOERROR[^]*flags:[^;]* ad[ ;]/,
      );
      const soa = dig(port, zoneRoot, 'SOA', '+adflag');
      expect(soa).toMatch(/status: NOERROR[^]*ANSWER: 1,/);
      expect(soa).not.toMatch(/flags:[^;]* ad[ ;]/);
      expect(dig(port, zoneRoot, 'NS', '+short').trim().split('\n').toSorted()).toEqual([
        `ns1.${zoneRoot}.`,
        `ns2.${zoneRoot}.`,
      ]);
      expect(dig(port, `ns1.${zoneRoot}`, 'A', '+short').trim()).toBe(servers[0]);
      expect(dig(port, `ns1.${zoneRoot}`, 'AAAA')).toMatch(/status: NOERROR[^]*ANSWER: 0,/);
      expect(dig(port, `nobody.${zoneRoot}`, 'A')).toMatch(/status: NXDOMAIN/);
      expect(dig(port, `NoBody2.${zoneRoot}`, 'HTTPS', '+dnssec')).toMatch(/status: NXDOMAIN/);
      expect(dig(port, zoneRoot, 'SOA', '+tcp')).toMatch(/status: NOERROR[^]*ANSWER: 1,/);
    },
  );
});
