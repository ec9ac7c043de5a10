import { createServer } from 'node:http';
import { DnsListeners } from '../../../src/cloud/dns-server/listeners.ts';
import { defaultResponseRate, ResponseRateLimiter } from '../../../src/cloud/dns-server/response-rate.ts';
import { defaultTcpLimits } from '../../../src/cloud/dns-server/tcp-listener.ts';
import { createHttpsApp, HttpsService } from '../../../src/kit/http/http-server.ts';
import { listen } from '../../../src/kit/http/listen.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

/** Opens one of each kind of listener on `::`, and says where it is, as JSON. Ends with its input. */
const server = createServer((_request, response) => response.end('plain'));
const plain = await listen(server, { host: '::', port: 0 });
const https = new HttpsService({
  name: 'tested',
  host: '::',
  port: 0,
  setting: 'tested.port',
  build: async () => createHttpsApp({ log: silentLog, tls: {}, bodyLimit: 1 }),
});
await https.start();
const dns = new DnsListeners({
  hosts: ['0.0.0.0', '::'],
  port: 0,
  setting: 'dns.port',
  answer: () => undefined,
  rate: new ResponseRateLimiter(defaultResponseRate),
  tcp: defaultTcpLimits,
  monotonic: () => performance.now(),
  onAnswer: () => undefined,
  onLimited: () => undefined,
});
await dns.start();
const address = server.address();
process.stdout.write(
  `${JSON.stringify({ at: typeof address === 'object' && address?.address, ports: { plain, https: https.port, dns: dns.port } })}\n`,
);
process.stdin.resume().once('end', () => process.exit());
