import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxConfig } from '../../src/box/config.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { connect, createNamespace, type Namespace, withoutNamespaces } from '../support/netns.ts';
import { atEndOfTest } from '../support/at-end.ts';

const rules = resolve(import.meta.dirname, '../../image/root/etc/nftables.conf');

/** Sends each packet, and waits for no answer. */
const send = `
import socket, sys, time
def tcp(to, port):
    s = socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET); s.setblocking(False); s.connect_ex((to, port)); kept.append(s)
def udp(to, port, source=0):
    s = socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', source)); s.sendto(b'x', (to, port))
def igmp(to):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP); s.sendto(bytes([0x11, 0, 0xee, 0xff, 0, 0, 0, 0]), (to, 0))
kept = []
exec(sys.stdin.read())
time.sleep(1)`;

function home(): { box: Namespace; other: Namespace } {
  const [box, other] = [createNamespace(), createNamespace()];
  for (const namespace of [box, other]) atEndOfTest(() => namespace.remove());
  connect(
    { namespace: box, interface: 'eth0', addresses: ['192.168.1.20/24', 'fd00::20/64'] },
    { namespace: other, interface: 'eth0', addresses: ['192.168.1.2/24', 'fd00::2/64'] },
  );
  box.exec('nft', ['-f', rules]);
  return { box, other };
}

describe.skipIf(withoutNamespaces)('the firewall', () => {
  it('lets in what the box serves and what the network needs, over IPv4 and IPv6, and nothing else', async () => {
    const { box, other } = home();
    const { web, enrolment, system } = loadConfig(BoxConfig, { env: {}, args: [] }).config;
    const open = [22, web.httpPort, web.port, enrolment.port, enrolment.insecurePort];
    const closed = [system.port, 111, 5300, 8080];
    const listener = join(import.meta.dirname, 'listener.py');
    const python = box.spawn('python3', [listener, [...open, ...closed].join(','), '68,546,5353,5355,123']);
    const seen: string[] = [];
    createInterface({ input: python.stdout ?? process.stdin }).on('line', (line) => seen.push(line));
    await expect.poll(() => seen).toContain('listening');
    // What is not let in first: it would have come before the rest.
    const lines = ['192.168.1.20', 'fd00::20'].flatMap((to) => [
      ...closed.map((port) => `tcp('${to}', ${port})`),
      ...[5355, 123, 68, 546].map((port) => `udp('${to}', ${port})`),
      ...open.map((port) => `tcp('${to}', ${port})`),
      `udp('${to}', 5353)`,
    ]);
    const script = [...lines, "udp('192.168.1.20', 68, 67)", "igmp('192.168.1.20')"].join('\n');
    const python3 = other.spawn('python3', ['-c', send], { stdio: ['pipe', 'inherit', 'inherit'] });
    python3.stdin?.end(script);
    const twice = [...open.map((port) => `tcp ${port}`), 'udp 5353'].flatMap((line) => [line, line]);
    const wanted = ['listening', ...twice, 'udp 68', 'ip 2'].toSorted();
    await expect.poll(() => seen.toSorted()).toEqual(wanted);
  });

  it('lets back in what answers the box', async () => {
    const { box, other } = home();
    const python = other.spawn('python3', [join(import.meta.dirname, 'listener.py'), '7000', '7000']);
    const seen: string[] = [];
    createInterface({ input: python.stdout ?? process.stdin }).on('line', (line) => seen.push(line));
    await expect.poll(() => seen).toContain('listening');
    for (const to of ['192.168.1.2', 'fd00::2']) {
      const call = `import socket; socket.create_connection(('${to}', 7000), 10); print('answered')`;
      expect(box.exec('python3', ['-c', call])).toBe('answered\n');
    }
  });
});
