import { readFileSync } from 'node:fs';
import { DnsServer, type DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { codeOf, messageOf } from '../../../src/kit/runtime/errors.ts';
import { baseOptions } from './options.ts';

/**
 * A dns-server in a process of its own, for tests that kill it or take its disk away. Arguments: state folder, file with
 * `apiTls` as JSON. Prints one line of JSON.
 */
const [stateFolder = '', tlsFile = ''] = process.argv.slice(2);
const apiTls = JSON.parse(readFileSync(tlsFile, 'utf8')) as DnsServerOptions['apiTls'];
const server = new DnsServer(baseOptions({ stateFolder, apiTls, dns: { hosts: ['127.0.0.1'], port: 0 } }));
try {
  await server.start(AbortSignal.timeout(10_000));
  process.stdout.write(`${JSON.stringify({ dnsPort: server.dnsPort, apiPort: server.apiPort })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ code: codeOf(error), message: messageOf(error) })}\n`);
}
