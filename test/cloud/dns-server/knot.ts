import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../../../src/kit/runtime/child.ts';
import { exchangeUdp, query } from './dns-client.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';

/** Knot DNS serving one zone from a zone file on loopback, as its makers ship it but for ANY of its own extras. */
export async function startKnot(
  folder: string,
  zone: string,
  zoneText: string,
): Promise<{ port: number; stop(): Promise<void> }> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'zone'), zoneText);
  const lines: string[] = [];
  for (;;) {
    const port = await freePort();
    writeFileSync(join(folder, 'knot.conf'), knotConfiguration(folder, port, zone));
    const child = new Child({
      command: 'knotd',
      args: ['-c', join(folder, 'knot.conf')],
      onLine: (line) => lines.push(line),
    });
    const deadline = Date.now() + 10_000;
    const ended = new AbortController();
    void child.exited.then(() => ended.abort());
    while (!ended.signal.aborted && Date.now() < deadline) {
      const response = await exchangeUdp(port, query(zone, 'SOA'), 100);
      if (response !== undefined && (response[3] ?? 0) % 16 === 0)
        return { port, stop: async () => void (await child.stop()) };
    }
    await child.stop();
    if (!lines.some((line) => line.includes('cannot bind')))
      throw new Error(`knotd does not start: ${lines.join('\n')}`);
  }
}

const knotConfiguration = (folder: string, port: number, zone: string): string => `
server:
    rundir: ${folder}
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: ${folder}
log:
  - target: stderr
    any: warning
zone:
  - domain: ${zone}
    storage: ${folder}
    file: zone
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
`;
