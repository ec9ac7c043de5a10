import type { BoxConfig } from '../../box/config.ts';
import type { HomeNetwork, Identity } from '../../box/facts.ts';
import { readIdentity } from '../../box/identity/identity.ts';
import { ipCommand } from '../../box/network/ip-command.ts';
import { homeNetwork } from '../../box/network/network-policy.ts';
import type { BoxStatus } from '../../box/system/status.ts';
import { ZoneClient } from '../../box/zone/zone-client.ts';
import type { Clock } from '../../kit/runtime/clock.ts';
import { type ZoneNames, zoneNames } from '../../protocol/names.ts';
import type { ZoneState } from '../../protocol/zone-api.ts';
import { askBox } from '../ask-box.ts';
import { cannotCheck } from './check.ts';

export interface DoctorInput {
  config: BoxConfig;
  trust: { cloud?: string; acme?: string };
  /** When this program was built, ms since the epoch. */
  builtAt: number;
  clock: Clock;
  /** For each call to a server. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** What several checks need. Each is looked up once, at the same time as the others; each may reject. */
export interface DoctorContext extends DoctorInput {
  /** The identity in the state folder; `undefined` before the box's first start. */
  identity: Promise<Identity | undefined>;
  /** What the running box says of itself; `undefined` when none answers. */
  status: Promise<BoxStatus | undefined>;
  /** The addresses of this machine on the home network, as the box would see them. */
  network: Promise<HomeNetwork>;
  names: Promise<ZoneNames>;
  /** What the dns-server says it serves for this box. */
  zone: Promise<ZoneState>;
}

export function lookAround(input: DoctorInput): DoctorContext {
  const { config, signal } = input;
  const identity = readIdentity(config.state);
  const status = askBox(config.system.port, input.timeoutMs).catch(() => undefined);
  const network = ipCommand()
    .observe(signal)
    .then((seen) => homeNetwork(seen, { interfaces: config.network.interfaces, previous: undefined }));
  const names = boxIdFrom(identity, status).then((boxId) =>
    zoneNames(boxId, config.zone.root, config.zone.mirrors),
  );
  const zone = readZone(input, identity);
  // A check that fails early may leave one of these to nobody.
  for (const each of [identity, network, names, zone]) each.catch(() => undefined);
  return { ...input, identity, status, network, names, zone };
}

/** The state folder belongs to the box's user; for others, the running box tells its id. */
async function boxIdFrom(
  identity: Promise<Identity | undefined>,
  status: Promise<BoxStatus | undefined>,
): Promise<string> {
  const boxId = (await identity.catch(() => undefined))?.boxId ?? (await status)?.boxId;
  if (boxId === undefined) throw cannotCheck('not checked: the box id is not known');
  return boxId;
}

async function readZone(input: DoctorInput, reading: Promise<Identity | undefined>): Promise<ZoneState> {
  const identity = await reading.catch(() => undefined);
  if (identity === undefined) throw cannotCheck('not checked: that needs the identity');
  const { config, trust, timeoutMs, signal } = input;
  const client = new ZoneClient({ identity, origin: config.cloud.zoneApi, ca: trust.cloud, timeoutMs });
  try {
    return await client.get(signal);
  } finally {
    await client.close();
  }
}
