import { networkInterfaces } from 'node:os';
import type { RemoteInfo } from 'node:dgram';
import type { Answer as DnsAnswer, Packet, Question as DnsQuestion } from 'dns-packet';
import multicastDns, { type MulticastDNS } from 'multicast-dns';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import { isWithin, networkOf } from '../../protocol/addresses.ts';
import type { Answer, Query } from './answer-policy.ts';
import { keyOf, type OwnedRecord } from './records.ts';

export const mdnsPort = 5353;
const group = '224.0.0.251';
/** Truncated: more of what is known follows (RFC 6762, 7.2). */
const truncated = 1 << 9;

/** Who sent something. */
export interface Sender {
  address: string;
  port: number;
}

export interface LinkVoiceOptions {
  /** The interface's own IPv4 address, and those of our other links. */
  source: string;
  others: readonly string[];
  /** A query; `authorities` are what whoever probes would say. */
  onQuery: (query: Query, authorities: readonly OwnedRecord[], from: Sender) => void;
  onResponse: (records: readonly OwnedRecord[], from: Sender) => void;
  /** A socket failed after it was open. */
  onTrouble: () => void;
  log: Log;
}

/** The sockets of one link, by multicast-dns: one for the group, one for what is sent to this machine alone. */
export class LinkVoice {
  readonly #options: LinkVoiceOptions;
  readonly #sockets: MulticastDNS[] = [];
  #networks: { own: readonly string[]; others: readonly string[] } = { own: [], others: [] };

  constructor(options: LinkVoiceOptions) {
    this.#options = options;
  }

  /** Throws `mdns-unavailable`; what was opened until then is closed. */
  async open(): Promise<void> {
    const { source, others } = this.#options;
    this.#networks = { own: networksOf([source]), others: networksOf(others) };
    try {
      // Bound to the group, it hears nothing that was sent to one machine: so each question's way is known.
      await this.#listen({ interface: source, bind: group }, 'multicast');
      await this.#listen({ bind: source, multicast: false }, 'direct');
    } catch (error) {
      await this.close();
      throw new Problem('mdns-unavailable', `cannot open the mDNS port, UDP 5353: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async #listen(options: multicastDns.Options, via: 'multicast' | 'direct'): Promise<void> {
    const socket = multicastDns(options);
    this.#sockets.push(socket);
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    let open = false;
    // Stays after the socket is open: an `error` nobody listens to would end the process.
    socket.on('error', (error) => (open ? this.#options.onTrouble() : reject(error)));
    socket.on('warning', (error) => this.#tell(error));
    socket.on('query', (packet, from) => this.#take(() => this.#query(packet, from, via)));
    socket.on('response', ({ answers, additionals }, from) =>
      this.#take(() => {
        const records = [...(answers ?? []), ...(additionals ?? [])];
        if (via === 'multicast' && this.#isHere(from)) this.#options.onResponse(readable(records), from);
      }),
    );
    socket.once('ready', () => {
      open = true;
      resolve();
    });
    await ready;
  }

  #query(packet: Packet, from: RemoteInfo, via: 'multicast' | 'direct'): void {
    if (!this.#isHere(from, via === 'direct')) return;
    const { id = 0, flags = 0, questions = [] } = packet;
    const authorities = readable(packet.authorities);
    const query: Query = {
      id,
      questions,
      known: readable(packet.answers),
      probe: authorities.length > 0,
      more: (flags & truncated) !== 0,
      via: from.port === mdnsPort ? via : 'legacy',
    };
    this.#options.onQuery(query, authorities, from);
  }

  /**
   * Linux gives every socket of the group what arrives on any interface: what comes from another link's network is that
   * link's affair. Directly, only neighbours are answered (RFC 6762, 11).
   */
  #isHere({ address }: RemoteInfo, direct = false): boolean {
    const { own, others } = this.#networks;
    return isWithin(address, own) || (!direct && !isWithin(address, others));
  }

  /** What strangers send must never end the process. */
  #take(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#options.log.debug({ link: this.#options.source }, `mdns: ${messageOf(error)}`);
  }

  /** Sends a response to everybody, or to one. Throws `mdns-not-sent`. */
  say(answer: Answer, to?: Sender): Promise<void> {
    const { id = 0, questions = [], answers, additionals } = answer;
    const packet = {
      id,
      questions: questions as DnsQuestion[],
      answers: answers as DnsAnswer[],
      additionals: additionals as DnsAnswer[],
    };
    return this.#send((socket, done) =>
      to === undefined
        ? socket.respond(packet, done)
        : socket.respond(packet, { address: to.address, port: to.port }, done),
    );
  }

  /** Asks everybody. Throws `mdns-not-sent`. */
  ask(packet: { questions: readonly unknown[]; authorities: readonly OwnedRecord[] }): Promise<void> {
    const query = packet as unknown as multicastDns.QueryOutgoingPacket;
    return this.#send((socket, done) => socket.query(query, done));
  }

  #send(send: (socket: MulticastDNS, done: (error: unknown) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const [socket] = this.#sockets;
      if (socket === undefined) return resolve();
      send(socket, (error) => {
        if (error === undefined || error === null) return resolve();
        reject(
          new Problem('mdns-not-sent', `cannot send to the home network: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      });
    });
  }

  async close(): Promise<void> {
    const sockets = this.#sockets.splice(0);
    await Promise.all(
      sockets.map((socket) => new Promise<void>((resolve) => socket.destroy(() => resolve()))),
    );
  }
}

/** The networks in which these addresses of ours are. */
function networksOf(addresses: readonly string[]): string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .flatMap(({ address, cidr }) => {
      const bits = Number(cidr?.split('/')[1]);
      return addresses.includes(address) && bits > 0 ? [networkOf(address, bits, bits)] : [];
    });
}

/** Those that can be compared with ours; strangers may send anything. */
function readable(records: readonly DnsAnswer[] = []): OwnedRecord[] {
  return (records as readonly OwnedRecord[]).filter((record) => {
    try {
      return record.type !== 'OPT' && keyOf(record) !== '';
    } catch {
      return false;
    }
  });
}
