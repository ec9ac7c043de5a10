/* Sends the requests that stdin names, as many at a time as there are connections; prints how many per second were answered. */
import { Agent, request } from 'node:https';
import { json } from 'node:stream/consumers';

export interface Load {
  port: number;
  servername: string;
  caPem: string;
  path: string;
  /** Of each request; sent in turn. */
  headers: readonly Record<string, string>[];
  count: number;
  connections: number;
}

const { port, servername, caPem, path, headers, count, connections } = (await json(process.stdin)) as Load;
const agent = new Agent({ keepAlive: true, maxSockets: connections });

function send(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const chosen = headers[index % headers.length] ?? {};
    const sent = request({ agent, host: '127.0.0.1', port, servername, ca: caPem, path, headers: chosen });
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200
          ? resolve()
          : reject(new Error(`${path} answered ${response.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

let next = 0;
const line = async (until: number): Promise<void> => {
  while (next < until) await send(next++);
};
const lines = (until: number): Promise<unknown> =>
  Promise.all(Array.from({ length: connections }, () => line(until)));
// The connections stand before the clock starts.
await lines(connections);
const from = performance.now();
await lines(count);
process.stdout.write(String(((count - connections) * 1000) / (performance.now() - from)));
agent.destroy();
