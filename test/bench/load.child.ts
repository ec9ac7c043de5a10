/* Sends the requests that the first line of stdin names, as many at a time as there are connections. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';

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

const stdin = createInterface(process.stdin);
const [asked] = (await once(stdin, 'line')) as [string];
stdin.close();
const { port, servername, caPem, path, headers, count, connections } = JSON.parse(asked) as Load;
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
const line = async (): Promise<void> => {
  while (next < count) await send(next++);
};
await Promise.all(Array.from({ length: connections }, line));
process.stdout.write('done');
agent.destroy();
process.stdin.destroy();
