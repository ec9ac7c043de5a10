import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { rsaKeyPem, signCertificate } from '../../src/kit/x509/x509.ts';
import { boxIdFromDigest, zoneName } from '../../src/protocol/names.ts';
import { Caller } from './caller.ts';
import { type House, zoneRoot } from './house.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';

interface Neighbour {
  boxId: string;
  zones: Caller;
  registration: Caller;
}

/** Other boxes of the same cloud: they write their zones and announce themselves, and remember what was answered. */
export class Neighbours {
  readonly #all: readonly Neighbour[];
  readonly #busy = new Set<Neighbour>();
  readonly #ledger: Ledger;
  readonly #random: Random;
  answered = 0;

  private constructor(all: readonly Neighbour[], ledger: Ledger, random: Random) {
    this.#all = all;
    this.#ledger = ledger;
    this.#random = random;
  }

  static async open(house: House, ledger: Ledger, random: Random, count = 6): Promise<Neighbours> {
    const key = await rsaKeyPem(2048);
    const all = Array.from({ length: count }, (): Neighbour => {
      const cert = signCertificate({
        commonName: 'Porchlight box',
        notBefore: new Date(0),
        notAfter: new Date('9999-12-31T23:59:59Z'),
        subjectKeyPem: key,
      });
      const boxId = boxIdFromDigest(createHash('sha256').update(new X509Certificate(cert).raw).digest());
      const at = (port: number): Caller => new Caller({ port, host: 'localhost', key, cert });
      return { boxId, zones: at(house.ports.zoneApi), registration: at(house.ports.registration) };
    });
    return new Neighbours(all, ledger, random);
  }

  /** Many at a time may work, each for another neighbour: of two who write one zone, nobody knows whose came last. */
  async work(over: () => boolean): Promise<void> {
    try {
      while (!over()) {
        const one = this.#random.one(this.#all.filter((each) => !this.#busy.has(each)));
        this.#busy.add(one);
        try {
          if (this.#random.next() < 0.6) await this.#writeZone(one);
          else await this.#announce(one);
        } finally {
          this.#busy.delete(one);
        }
      }
    } catch {
      // The cloud is gone, in the middle of it.
    }
  }

  async #writeZone({ boxId, zones }: Neighbour): Promise<void> {
    const address = `192.168.${this.#random.below(256)}.${this.#random.below(254) + 1}`;
    await this.#remembered(`zone ${boxId}`, address, async () => {
      const body = { main: [address], mirrors: {}, tunnel: [] };
      return (await zones.call('PUT', `/v1/zones/${boxId}`, { body })).status;
    });
  }

  async #announce({ boxId, registration }: Neighbour): Promise<void> {
    const name = `Box ${this.#random.below(1e9)}`;
    await this.#remembered(`announcement ${boxId}`, name, async () => {
      const zone = zoneName(boxId, zoneRoot);
      const message = { v: '1.0', name, claimed: true, local_origin: `https://${zone}`, mirror_origins: [] };
      const body = { client: boxId, message: JSON.stringify(message) };
      return (await registration.call('POST', '/register', { body })).status;
    });
  }

  async #remembered(key: string, value: string, write: () => Promise<number>): Promise<void> {
    const before = this.#ledger.zones.get(key) ?? [''];
    this.#ledger.zones.set(key, [...before, value]);
    const status = await write();
    if (status < 300) {
      this.answered++;
      this.#ledger.zones.set(key, [value]);
    } else this.#ledger.zones.set(key, before);
  }

  /** What the cloud has lost of it, by its own answers and, for announcements, by its store in `state`. */
  async look(state: string): Promise<string[]> {
    const lost: string[] = [];
    const told = announcementsIn(`${state}/registration-server/registration.sqlite`);
    for (const { boxId, zones } of this.#all) {
      const zone = await zones.call('GET', `/v1/zones/${boxId}`);
      const records = zone.json['records'] as { main?: string[] } | undefined;
      this.#compare(`zone ${boxId}`, records?.main?.[0] ?? '', lost);
      this.#compare(`announcement ${boxId}`, told.get(boxId) ?? '', lost);
    }
    return lost;
  }

  /** What the cloud says of each, and the secret that a tunnel would have, without its day. */
  async view(see: (key: string, value: string) => void): Promise<void> {
    for (const { boxId, zones } of this.#all) {
      const { json } = await zones.call('GET', `/v1/zones/${boxId}`);
      see(`zone ${boxId}`, JSON.stringify(json['records']));
      const grant = await zones.call('POST', `/v1/zones/${boxId}/tunnel`);
      see(`tunnel ${boxId}`, String(grant.json['secret']));
    }
  }

  #compare(key: string, found: string, lost: string[]): void {
    const expected = this.#ledger.zones.get(key);
    if (expected !== undefined && !expected.includes(found))
      lost.push(`${key.slice(0, 24)}… is ${found || 'gone'}, and was answered as ${expected.at(-1) ?? ''}`);
    this.#ledger.zones.set(key, [found]);
  }

  close(): void {
    for (const { zones, registration } of this.#all) {
      zones.close();
      registration.close();
    }
  }
}

function announcementsIn(path: string): Map<string, string> {
  if (!existsSync(path)) return new Map();
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare('SELECT client, message FROM boxes').all();
    return new Map(
      rows.map(({ client, message }) => [
        String(client),
        (JSON.parse(String(message)) as { name: string }).name,
      ]),
    );
  } finally {
    database.close();
  }
}
