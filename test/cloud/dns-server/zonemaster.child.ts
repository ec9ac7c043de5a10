import { readFileSync } from 'node:fs';
import { DnsServer, type DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { baseOptions } from './options.ts';

/** A dns-server at port 53 of two addresses. Arguments: state folder, file with `apiTls` as JSON, the addresses. */
const [stateFolder = '', tlsFile = '', ...hosts] = process.argv.slice(2);
const apiTls = JSON.parse(readFileSync(tlsFile, 'utf8')) as DnsServerOptions['apiTls'];
const nameServers = hosts.map((address, index) => ({
  name: `ns${index + 1}.box.example.org`,
  addresses: [address],
}));
const contact = 'cloud.people@example.org';
const dns = { hosts, port: 53 };
const server = new DnsServer(baseOptions({ stateFolder, apiTls, dns, nameServers, contact }));
await server.start(AbortSignal.timeout(10_000));
process.stdout.write('ready\n');
