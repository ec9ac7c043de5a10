import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { MdnsAnnouncer } from '../../../src/box/mdns/mdns-announcer.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

/**
 * What a client without any cloud sees of a box: its announcement, and a server that presents an identity. Arguments: state
 * folder of the announced identity, that of the presented one, name. Prints its id, and ends with its input.
 */
const [announcedFolder = '', presentedFolder = '', name = ''] = process.argv.slice(2);
const clock = systemClock;
const identity = await loadIdentity({ stateFolder: announcedFolder, clock });
const presented = await loadIdentity({ stateFolder: presentedFolder, clock });
const server = createServer({ key: presented.keyPem, cert: presented.certPem }, (request, response) => {
  if (request.url === '/ping') response.writeHead(204).end();
  else response.end(`${request.method} ${request.url} at ${request.headers.host}`);
});
await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
const { port } = server.address() as AddressInfo;
const addresses = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .map(({ address }) => address);
const announcer = new MdnsAnnouncer({
  identity,
  name: new OwnedFact(name),
  network: new OwnedFact({ interfaces: [{ name: 'eth0', addresses, preferred: true }], addresses }),
  port,
  path: '/console',
  adapter: 'bonjour',
  health: new Health(clock),
  log: silentLog,
  clock,
  random: Math.random,
});
announcer.state.subscribe(({ host }) => {
  if (host !== undefined) process.stdout.write(`${JSON.stringify({ id: identity.boxId, host, port })}\n`);
});
await announcer.start();
process.stdin.on('end', () => {
  void (async () => {
    await announcer.stop();
    server.closeAllConnections();
    server.close();
  })();
});
process.stdin.resume();
