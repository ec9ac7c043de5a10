/*
 * Asks the authoritative server for a name's A records every two milliseconds, and prints when the answer changes:
 * a line of JSON with the time (ms since the epoch) and the addresses. Argument: `ProbeArguments` as JSON.
 */
import { createSocket } from 'node:dgram';
import { decode, encode } from 'dns-packet';
import type { ProbeArguments } from './parts.ts';

const { server, name } = JSON.parse(process.argv[2] ?? '') as ProbeArguments;
const socket = createSocket('udp4');
let said: string | undefined;
socket.on('message', (packet) => {
  const { answers = [] } = decode(packet);
  const addresses = answers.flatMap((answer) => (answer.type === 'A' ? [answer.data] : []));
  const text = JSON.stringify(addresses);
  if (text !== said)
    process.stdout.write(
      `${JSON.stringify({ at: performance.timeOrigin + performance.now(), addresses })}\n`,
    );
  said = text;
});
const packet = encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] });
socket.connect(53, server, () => setInterval(() => socket.send(packet), 2));
