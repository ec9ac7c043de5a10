import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { networkInterfaces } from 'node:os';
import dnsPacket from 'dns-packet';

/**
 * Someone on the home network who hears every mDNS packet: prints each record of each response as a line of JSON, and
 * asks what is written to its standard input (`PTR _porchlight._tcp.local`). Started by home.ts inside a namespace.
 */
const group = '224.0.0.251';
const source = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
const socket = createSocket({ type: 'udp4', reuseAddr: true });

socket.on('message', (message, { address }) => {
  const packet = dnsPacket.decode(message);
  if (packet.type !== 'response') return;
  for (const record of [...(packet.answers ?? []), ...(packet.additionals ?? [])]) {
    const data = 'data' in record ? record.data : undefined;
    const text = record.type === 'TXT' ? [data].flat().map(String) : data;
    process.stdout.write(`${JSON.stringify({ from: address, ...record, data: text })}\n`);
  }
});
socket.bind(5353, () => {
  socket.addMembership(group, source);
  socket.setMulticastInterface(source ?? '0.0.0.0');
  process.stdout.write('"ready"\n');
});

createInterface({ input: process.stdin }).on('line', (line) => {
  const [type, name] = line.split(' ');
  const questions = [{ type, name }] as dnsPacket.Question[];
  socket.send(dnsPacket.encode({ type: 'query', questions }), 5353, group);
});
process.stdin.on('end', () => process.exit(0));
