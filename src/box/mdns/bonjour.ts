import { isDeepStrictEqual } from 'node:util';
import { Bonjour, Service } from 'bonjour-service';
import { messageOf, Problem } from '../../kit/errors.ts';
import type { Log } from '../../kit/log.ts';
import { addressFamily } from '../../protocol/addresses.ts';
import { mdnsHost, mdnsService } from '../../protocol/mdns.ts';
import {
  type Link,
  type MdnsAdapter,
  type Published,
  uniqueInstanceName,
  type WantedService,
} from './wanted.ts';

/** A record as bonjour-service and dns-packet write it; `flush`: replaces what caches hold (RFC 6762, 10.2). */
interface ServiceRecord {
  name: string;
  type: string;
  ttl: number;
  data: unknown;
  flush?: boolean;
}

/** What bonjour-service's types keep private, as it is in the version this project pins. */
interface Responder {
  /** Answers queries for these from now on. */
  register(records: ServiceRecord[]): void;
  mdns: {
    on(event: 'error' | 'warning', listener: (error: unknown) => void): void;
    once(event: 'ready', listener: () => void): void;
    respond(records: ServiceRecord[], done: (error?: unknown) => void): void;
  };
}

interface Voice {
  bonjour: Bonjour;
  responder: Responder;
  records: ServiceRecord[];
}

/** Pauses after each announcement; the second is required (RFC 6762, 8.3), the third is for Wi-Fi that drops multicast. */
const pausesMs = [1000, 2000] as const;

/** One record that all boxes share, so that nobody may say goodbye for it. */
const typeList = '_services._dns-sd._udp.local';

/**
 * Announces by bonjour-service, for machines without avahi-daemon. Of that library this uses the records it makes and the
 * responder, one for each link, and not its registry, which has no address change, no cache-flush bit, and on a conflict of
 * names says goodbye for the *other* device: names are unique by the box id here, so there is nothing to probe.
 */
export class BonjourAdapter implements MdnsAdapter {
  readonly kind = 'bonjour';
  readonly #log: Log;
  readonly #onTrouble: () => void;
  #wanted: WantedService | undefined;
  #voices: Voice[] = [];
  #announced = 0;
  #broken = false;

  /** `onTrouble`: a socket failed after it was open; `publish` opens new ones. */
  constructor(options: { log: Log; onTrouble: () => void }) {
    this.#log = options.log;
    this.#onTrouble = options.onTrouble;
  }

  async publish(wanted: WantedService, signal: AbortSignal): Promise<Published> {
    if (this.#broken || !isDeepStrictEqual(this.#wanted, wanted)) await this.#restart(wanted, signal);
    if (wanted.links.length === 0) return { instance: undefined, host: undefined };
    const published = {
      instance: uniqueInstanceName(wanted.name, wanted.boxId),
      host: mdnsHost(wanted.boxId),
    };
    if (this.#announced > pausesMs.length) return published;
    await Promise.all(this.#voices.map((voice) => say(voice, voice.records)));
    const pause = pausesMs[this.#announced++];
    return pause === undefined ? published : { ...published, againMs: pause };
  }

  async withdraw(): Promise<void> {
    await goodbye(this.#voices, this.#records());
    await this.#silence();
  }

  /** New sockets for what is wanted now, which say goodbye for what is no more: those of before may be deaf and dumb. */
  async #restart(wanted: WantedService, signal: AbortSignal): Promise<void> {
    const before = this.#records();
    if (wanted.links.length === 0) await goodbye(this.#voices, before);
    await this.#silence();
    try {
      for (const link of wanted.links) this.#voices.push(await this.#open(wanted, link, signal));
    } catch (error) {
      await this.#silence();
      throw error;
    }
    this.#wanted = wanted;
    const now = this.#records();
    const gone = before.filter((record) => !now.some((other) => isDeepStrictEqual(record, other)));
    await goodbye(this.#voices, gone);
  }

  #records(): ServiceRecord[] {
    return this.#voices.flatMap((voice) => voice.records);
  }

  /** Resolves when the socket is open. With `interface` alone it would hear nothing on Linux, hence `bind`. */
  async #open(wanted: WantedService, link: Link, signal: AbortSignal): Promise<Voice> {
    signal.throwIfAborted();
    const options = { interface: link.source, bind: '0.0.0.0' } as ConstructorParameters<typeof Bonjour>[0];
    const bonjour = new Bonjour(options, (error: unknown) =>
      this.#log.debug(`mdns: no answer sent: ${messageOf(error)}`),
    );
    const { server: responder } = bonjour as unknown as { server: Responder };
    let open = false;
    await new Promise<void>((resolve, reject) => {
      // Stays after the socket is open: an `error` nobody listens to would end the process.
      responder.mdns.on('error', (error) => {
        if (!open) return reject(openProblem(error));
        this.#broken = true;
        this.#onTrouble();
      });
      responder.mdns.on('warning', (error) =>
        this.#log.debug({ link: link.source }, `mdns: ${messageOf(error)}`),
      );
      responder.mdns.once('ready', () => {
        open = true;
        resolve();
      });
    }).catch(async (error: unknown) => {
      await destroyed(bonjour);
      throw error;
    });
    const records = recordsOf(wanted, link);
    responder.register(records);
    return { bonjour, responder, records };
  }

  async #silence(): Promise<void> {
    const voices = this.#voices;
    this.#voices = [];
    this.#wanted = undefined;
    this.#announced = 0;
    this.#broken = false;
    await Promise.all(voices.map((voice) => destroyed(voice.bonjour)));
  }
}

/** The service as bonjour-service writes it, with the addresses of this link instead of all the machine's. */
function recordsOf(wanted: WantedService, link: Link): ServiceRecord[] {
  const service = new Service(
    {
      name: uniqueInstanceName(wanted.name, wanted.boxId),
      type: mdnsService.type,
      protocol: mdnsService.protocol,
      port: wanted.port,
      host: mdnsHost(wanted.boxId),
      txt: { ...wanted.text },
    },
    () => undefined,
    () => undefined,
  );
  const records: ServiceRecord[] = service.records();
  const described = records.filter(({ type }) => type !== 'A' && type !== 'AAAA');
  const addresses = link.addresses.map((data) => ({
    name: service.host,
    type: addressFamily(data) === 4 ? 'A' : 'AAAA',
    ttl: 120,
    data,
  }));
  return [...described, ...addresses].map((record) =>
    record.type === 'PTR' ? record : Object.assign({}, record, { flush: true }),
  );
}

/** Tells caches to forget these (RFC 6762, 10.1). Best effort: the link may be what has gone. */
async function goodbye(voices: readonly Voice[], records: readonly ServiceRecord[]): Promise<void> {
  const forget = records
    .filter((record) => record.name !== typeList)
    .map((record) => Object.assign({}, record, { ttl: 0, flush: false }));
  if (forget.length > 0) await Promise.allSettled(voices.map((voice) => say(voice, forget)));
}

function say(voice: Voice, records: ServiceRecord[]): Promise<void> {
  return new Promise((resolve, reject) => {
    voice.responder.mdns.respond(records, (error) => {
      if (error === undefined || error === null) return resolve();
      reject(
        new Problem('mdns-not-sent', `cannot send to the home network: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    });
  });
}

const destroyed = (bonjour: Bonjour): Promise<void> =>
  new Promise((resolve) => bonjour.destroy(() => resolve()));

const openProblem = (error: unknown): Problem =>
  new Problem('mdns-unavailable', `cannot open the mDNS port, UDP 5353: ${messageOf(error)}`, {
    cause: error,
  });
