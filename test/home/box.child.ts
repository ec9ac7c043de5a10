/*
 * The parts of a box that follow its address, in a namespace. Argument: `BoxArguments` as JSON. Prints every value of
 * its facts as a line of JSON.
 */
import { loadIdentity } from '../../src/box/identity/identity.ts';
import type { TunnelState } from '../../src/box/facts.ts';
import { NetworkWatcher } from '../../src/box/network/network-watcher.ts';
import { ZoneClient } from '../../src/box/zone/zone-client.ts';
import { ZoneKeeper } from '../../src/box/zone/zone-keeper.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { createLog } from '../../src/kit/log/log.ts';
import { ServiceGroup } from '../../src/kit/runtime/service.ts';
import type { BoxArguments } from './parts.ts';

const { zoneRoot, api, stateFolder, resolvers } = JSON.parse(process.argv[2] ?? '') as BoxArguments;
const log = createLog({ level: 'info', format: 'terminal' });
const common = { log, clock: systemClock, random: Math.random, health: new Health(systemClock) };
const identity = await loadIdentity({ stateFolder, clock: systemClock });
const network = new NetworkWatcher(common);
const zone = new ZoneKeeper({
  ...common,
  identity,
  zoneRoot,
  mirrors: ['a', 'b'],
  network: network.network,
  tunnel: new OwnedFact<TunnelState>({ phase: 'off', addresses: [], origin: undefined }),
  client: new ZoneClient({ ...api, identity }),
  stateFolder,
  resolvers,
});
const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
network.network.subscribe((value) => say({ network: value }));
zone.zone.subscribe((value) => say({ zone: value }));
const box = new ServiceGroup({ name: 'box', parts: [network, zone], log });
await box.start(AbortSignal.timeout(10_000));
process.once('SIGTERM', () => void box.stop().then(() => process.exit(0)));
