import { createInterface } from 'node:readline';
import type { HomeNetwork } from '../../../src/box/facts.ts';
import { MdnsAnnouncer, type MdnsAnnouncerOptions } from '../../../src/box/mdns/mdns-announcer.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

/**
 * The mDNS part of a box, alone. Started by home.ts inside a namespace with its options as JSON; each line on standard
 * input changes facts (`{ name?, network? }`), each change of its own fact is printed, and the end of input stops it.
 */
type Changes = { name?: string; network?: HomeNetwork };
const options = JSON.parse(process.argv[2] ?? '{}') as Pick<
  MdnsAnnouncerOptions,
  'identity' | 'path' | 'adapter'
> & {
  port: number;
  name: string;
};
const name = new OwnedFact(options.name);
const network = new OwnedFact<HomeNetwork>({ interfaces: [], addresses: [] });
const health = new Health(systemClock);
const announcer = new MdnsAnnouncer({
  ...options,
  name,
  network,
  health,
  log: silentLog,
  clock: systemClock,
  random: Math.random,
});
const tell = (): void => {
  const { adapter = null, instance = null, host = null } = announcer.state.value;
  const [condition] = health.conditions.value;
  const told = {
    adapter,
    instance,
    host,
    health: condition?.severity,
    remedy: condition?.remedy,
    message: condition?.message,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
};
announcer.state.subscribe(tell);
health.conditions.subscribe(tell);
await announcer.start();
process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) {
  const changes = JSON.parse(line) as Changes;
  if (changes.name !== undefined) name.set(changes.name);
  if (changes.network !== undefined) network.set(changes.network);
}
await announcer.stop();
