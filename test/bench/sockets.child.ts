/* Opens the sockets that the first line of stdin names, says so on stdout, and ends with its stdin. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type ClientOptions, WebSocket } from 'ws';

export interface Sockets {
  port: number;
  servername: string;
  caPem: string;
  path: string;
  /** An access token for each. */
  tokens: readonly string[];
}

const stdin = createInterface(process.stdin);
const [line] = (await once(stdin, 'line')) as [string];
const { port, servername, caPem, path, tokens } = JSON.parse(line) as Sockets;
for (const token of tokens) {
  const headers = { host: `${servername}:${port}`, authorization: `Bearer ${token}` };
  const options = { ca: caPem, servername, headers } as ClientOptions;
  await once(new WebSocket(`wss://127.0.0.1:${port}${path}`, options), 'message');
}
process.stdout.write('open\n');
stdin.once('close', () => process.exit());
