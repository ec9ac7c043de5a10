import { expect } from 'vitest';
import type { HomeNetwork, Identity, MdnsState } from '../../../src/box/facts.ts';
import { boxIdFromDigest, shortId } from '../../../src/protocol/names.ts';
import type { Namespace } from '../../support/netns.ts';
import { type HeardRecord, Talker } from './home.ts';

export const type = '_porchlight._tcp.local';

function identity(fill: number): Identity {
  const digest = new Uint8Array(32).fill(fill);
  const fingerprint = Buffer.from(digest).toString('hex');
  return { boxId: boxIdFromDigest(digest), fingerprint, certPem: '', keyPem: '' };
}

export const network = (...addresses: string[]): HomeNetwork => ({
  interfaces: [{ name: 'eth0', addresses, preferred: true }],
  addresses,
});

type Told = MdnsState & { health: string; remedy?: string; message?: string };

/** The mDNS part of a box in a machine of a test home. */
export class TestBox {
  readonly identity: Identity;
  readonly process: Talker<Told>;
  readonly instance: string;
  readonly host: string;

  constructor(machine: Namespace, fill: number, options: object) {
    this.identity = identity(fill);
    this.instance = `Kitchen & Co (${shortId(this.identity.boxId)}).${type}`;
    this.host = `porchlight-${shortId(this.identity.boxId)}.local`;
    const all = { identity: this.identity, name: 'Kitchen & Co', port: 8443, path: '/console', ...options };
    this.process = new Talker<Told>(machine, 'box-process.ts', [JSON.stringify(all)]);
  }

  change(changes: { name?: string; network?: HomeNetwork }): void {
    this.process.say(JSON.stringify(changes));
  }
}

export const isPointerTo =
  (instance: string, alive: boolean) =>
  (record: HeardRecord): boolean =>
    record.type === 'PTR' && record.name === type && record.data === instance && record.ttl > 0 === alive;

export const isAddress =
  (host: string, address: string, alive = true) =>
  (record: HeardRecord): boolean =>
    record.name === host && record.data === address && record.ttl > 0 === alive;

/** Every record a client needs for the service at `instance`, as heard. */
export async function expectService(
  listener: Talker<HeardRecord>,
  instance: string,
  box: { host: string; identity: Identity },
  addresses: readonly string[],
): Promise<void> {
  await listener.hear(`PTR to ${instance}`, isPointerTo(instance, true));
  const { host, identity } = box;
  const server = await listener.hear('SRV', (record) => record.type === 'SRV' && record.name === instance);
  expect(server).toMatchObject({ flush: true, data: { target: host, port: 8443 } });
  const text = await listener.hear('TXT', (record) => record.type === 'TXT' && record.name === instance);
  expect(text.flush).toBe(true);
  expect((text.data as string[]).toSorted()).toEqual(
    [`fp=${identity.fingerprint}`, `id=${identity.boxId}`, 'path=/console', 'v=1.0'].toSorted(),
  );
  for (const address of addresses) {
    expect(await listener.hear(address, isAddress(host, address))).toMatchObject({ flush: true });
  }
}
