import { createHomeNetwork, type HomeNetwork } from '../home/home-network.ts';
import { startBox, startCloud, startProbe } from '../home/parts.ts';
import { SpeakingChild } from '../home/speaking-child.ts';
import type { BenchRow } from './bench-row.ts';

const zoneRoot = 'box.example.org';
const changes = 20;

/**
 * A lease changes in a real home network; measured is the time from the kernel's event of the new address in the box's
 * namespace to the first answer of the authoritative server that has it, asked every two milliseconds.
 */
export async function benchAddress(): Promise<BenchRow[]> {
  const home = createHomeNetwork();
  try {
    return rows(await measure(home));
  } finally {
    home.remove();
  }
}

async function measure(home: HomeNetwork): Promise<number[]> {
  const [api] = await Promise.all([startCloud(home, zoneRoot), home.startRouter({ zoneRoot })]);
  const box = startBox(home, { zoneRoot, api });
  await home.plugInBox(addressOf(0));
  const { names } = await box.zone(({ records }) => records.main.includes(addressOf(0)));
  const probe = startProbe(home, names.main);
  await probe.answered([addressOf(0)]);
  const kernel = new SpeakingChild(home.box.spawn('ip', ['-tshort', '-oneline', 'monitor', 'address']));
  const delays: number[] = [];
  for (let change = 1; change <= changes; change++) {
    const address = addressOf(change);
    const from = probe.process.lines.length;
    await home.changeLease(address);
    const happened = await kernel.until((line) => eventTime(line, address));
    delays.push((await probe.answered([address], from)) - happened);
    // A real change of address does not come on the heels of another one.
    await box.zone(({ records }) => records.main.includes(address));
  }
  return delays.toSorted((a, b) => a - b);
}

const addressOf = (change: number): string => `192.168.1.${20 + change}`;

/** ms since the epoch of the line `[2030-01-01T12:00:00.123456] 2: eth0 inet 192.168.1.21/24 …`, if it tells of `address`. */
function eventTime(line: string, address: string): number | undefined {
  const [, second, fraction] = /^\[([^\].]+)\.(\d+)\] \d+: /.exec(line) ?? [];
  if (second === undefined || !line.includes(` inet ${address}/`)) return undefined;
  return Date.parse(second) + Number(`0.${fraction}`) * 1000;
}

function rows(sorted: readonly number[]): BenchRow[] {
  const at = (share: number): number =>
    Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
  const note = `a lease by DHCP in namespaces, ${changes} changes; aim: 250 ms`;
  return [
    { name: 'address event to authoritative answer, median', value: at(0.5), unit: 'ms', note },
    { name: 'address event to authoritative answer, p95', value: at(0.95), unit: 'ms', note },
  ];
}
