import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { createNamespace, type Namespace, withoutNamespaces } from '../../support/netns.ts';
import { zoneRoot } from './options.ts';
import { serverOptions } from './support.ts';

/** Addresses that look public, of two networks as one would have; they lead nowhere but into the namespace. */
const root = '45.45.45.1';
const servers = ['45.45.46.53', '91.91.91.53'] as const;

const rootZone = `. 3600 SOA a.root.test. admin.root.test. 1 3600 600 86400 60
. 3600 NS a.root.test.
a.root.test. 3600 A ${root}
${zoneRoot}. 3600 NS ns1.${zoneRoot}.
${zoneRoot}. 3600 NS ns2.${zoneRoot}.
ns1.${zoneRoot}. 3600 A ${servers[0]}
ns2.${zoneRoot}. 3600 A ${servers[1]}
`;

const hints = `. 3600 NS a.root.test.\na.root.test. 3600 A ${root}\n`;

const knot = (folder: string): string => `
server:
    rundir: ${folder}
    listen: ${root}@53
database:
    storage: ${folder}
zone:
  - domain: .
    storage: ${folder}
    file: root
    semantic-checks: off
`;

interface Finding {
  level: string;
  tag: string;
}

/** Not the signatures, which the zone has none of. */
const modules = [
  'Basic',
  'Address',
  'Connectivity',
  'Consistency',
  'Delegation',
  'Nameserver',
  'Syntax',
  'Zone',
];

describe.skipIf(withoutNamespaces)('Zonemaster, which registries test delegations with', () => {
  let home: Namespace | undefined;
  afterAll(() => home?.remove());

  it('finds nothing wrong with the zone', async () => {
    home = createNamespace();
    for (const address of [root, ...servers])
      home.exec('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'root'), rootZone);
    writeFileSync(join(folder, 'hints'), hints);
    writeFileSync(join(folder, 'knot.conf'), knot(folder));
    const { apiTls } = await serverOptions(folder);
    writeFileSync(join(folder, 'tls.json'), JSON.stringify(apiTls));
    home.spawn('knotd', ['-c', join(folder, 'knot.conf')]);
    const child = join(import.meta.dirname, 'zonemaster.child.ts');
    const args = [child, join(folder, 'state'), join(folder, 'tls.json'), ...servers];
    const server = home.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(server.stdout ?? server, 'data');
    const found = home.exec('zonemaster-cli', [
      zoneRoot,
      '--hints',
      join(folder, 'hints'),
      '--no-ipv6',
      '--level',
      'WARNING',
      '--json',
      '--raw',
      '--no-time',
      ...modules.flatMap((module) => ['--test', module]),
    ]);
    const results = JSON.parse(found) as Finding[];
    // Reverse names belong to whoever owns the addresses, which here nobody does.
    expect(results.filter(({ tag }) => tag !== 'NAMESERVER_IP_WITHOUT_REVERSE')).toEqual([]);
    expect(results).not.toEqual([]);
  }, 180_000);
});
