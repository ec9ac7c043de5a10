import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { networkInterfaces } from 'node:os';
import dnsPacket from 'dns-packet';

/**
 * Someone on the home network who hears every mDNS packet: prints each record of each response as a line of JSON, and
 * asks what is written to its standard input: a type, a name, and how (`PTR _porchlight._tcp.local known`): `known` sends
 * along what was heard of it, `more` too but in a second packet, `qu` wants to be answered alone. Started by home.ts inside
 * a namespace. Its second socket, which nobody else has, hears what is sent to this machine alone; `plain` asks from a third one
 * with a port and an id of its own, as a resolver does that knows nothing of mDNS.
 */
const group = '224.0.0.251';
const source = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
const socket = createSocket({ type: 'udp4', reuseAddr: true });
const alone = createSocket({ type: 'udp4', reuseAddr: true });
const plain = createSocket({ type: 'udp4' });
const heard = new Map<string, dnsPacket.Answer>();

const hear = (message: Buffer, address: string, unicast: boolean): void => {
  const packet = dnsPacket.decode(message);
  if (packet.type !== 'response') return;
  const { id, questions } = packet;
  for (const record of [...(packet.answers ?? []), ...(packet.additionals ?? [])]) {
    const data = 'data' in record ? record.data : undefined;
    const text = record.type === 'TXT' ? [data].flat().map(String) : data;
    heard.set(JSON.stringify([record.name, record.type, data]), record);
    process.stdout.write(
      `${JSON.stringify({ from: address, unicast, id, questions, ...record, data: text })}\n`,
    );
  }
};
socket.on('message', (message, { address }) => hear(message, address, false));
alone.on('message', (message, { address }) => hear(message, address, true));
plain.on('message', (message, { address }) => hear(message, address, true));
alone.bind(5353, source);
await once(alone, 'listening');
socket.bind(5353, group, () => {
  socket.addMembership(group, source);
  socket.setMulticastInterface(source ?? '0.0.0.0');
  process.stdout.write('"ready"\n');
});

const packet = (content: dnsPacket.Packet): Buffer => dnsPacket.encode({ type: 'query', ...content });

createInterface({ input: process.stdin }).on('line', (line) => {
  const [type = '', name = '', how] = line.split(' ');
  const known = [...heard.values()].filter((record) => record.name === name && record.type === type);
  const answers = how === 'known' || how === 'more' ? known : [];
  const questions = [{ type, name }] as dnsPacket.Question[];
  if (how === 'plain') return plain.send(packet({ questions, id: 4711 }), 5353, group);
  if (how === 'more') {
    socket.send(packet({ questions, flags: dnsPacket.TRUNCATED_RESPONSE }), 5353, group);
    setTimeout(() => socket.send(packet({ questions: [], answers }), 5353, group), 100);
    return undefined;
  }
  const question = packet({ questions, answers });
  // The top bit of the class, which dns-packet cannot write (RFC 6762, 5.4).
  if (how === 'qu') question.writeUInt16BE(0x80_01, question.length - 2);
  // Straight to one machine: `A porchlight-abc.local 192.168.1.2`.
  const to = how !== undefined && /^[0-9]/.test(how) ? how : group;
  return (to === group ? socket : alone).send(question, 5353, to);
});
process.stdin.on('end', () => process.exit(0));
