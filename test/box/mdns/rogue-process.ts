import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import dnsPacket from 'dns-packet';

/**
 * A device that uses names which are not its own. Standard input, one a line: `NAME` claims that name from now on, said at
 * once and to everybody who asks; `everything` claims whatever anybody probes for; `once NAME` says it and does not defend
 * it; `quiet` ends all. Prints how many probes it has seen. Started inside a namespace with its address there.
 */
const group = '224.0.0.251';
const [source = ''] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reuseAddr: true });
const names = new Set<string>();
let everything = false;
let probes = 0;

const claim = (claimed: readonly string[]): void => {
  const answers = claimed.flatMap((name): dnsPacket.Answer[] => [
    { name, type: 'A', ttl: 120, flush: true, data: source },
    { name, type: 'TXT', ttl: 120, flush: true, data: 'not a box' },
  ]);
  if (answers.length > 0)
    socket.send(dnsPacket.encode({ type: 'response', flags: 1 << 10, answers }), 5353, group);
};

socket.on('message', (message, { address }) => {
  const packet = dnsPacket.decode(message);
  if (packet.type !== 'query' || address === source) return;
  const probe = (packet.authorities ?? []).length > 0;
  const asked = (packet.questions ?? []).map(({ name }) => name);
  claim(asked.filter((name) => names.has(name) || (everything && probe)));
  if (probe) process.stdout.write(`${++probes}\n`);
});
socket.bind(5353, group, () => {
  socket.addMembership(group, source);
  socket.setMulticastInterface(source);
  process.stdout.write('0\n');
});

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'quiet') names.clear();
  everything = line === 'everything';
  if (everything || line === 'quiet') return;
  const name = line.replace(/^once /, '');
  if (name === line) names.add(name);
  claim([name]);
});
process.stdin.on('end', () => process.exit(0));
