import type { RemoteInfo } from 'node:dgram';
import { codeOf } from '../../kit/runtime/errors.ts';
import { hostHere, listenProblem } from '../../kit/http/listen.ts';
import type { Answered } from './answer.ts';
import type { ResponseRateLimiter } from './response-rate.ts';
import { type TcpLimits, TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';
import { truncated, type Transport } from './wire.ts';

export interface DnsListenersOptions {
  /** IPv4 and IPv6 addresses to listen on. Behind several addresses name each one: UDP answers leave from the one bound. */
  hosts: readonly string[];
  port: number;
  /** The setting to name when a port cannot be opened. */
  setting: string;
  answer: (packet: Buffer, transport: Transport) => Answered | undefined;
  rate: ResponseRateLimiter;
  tcp: TcpLimits;
  monotonic: () => number;
  onAnswer: (transport: Transport, rcode: number) => void;
  onLimited: () => void;
}

/** How often a free port is looked for that is free for UDP and TCP on every host, when the port is 0. */
const attempts = 20;

/** UDP and TCP on every host, all on one port. */
export class DnsListeners {
  readonly #options: DnsListenersOptions;
  #open: (UdpListener | TcpListener)[] = [];
  #port = 0;

  constructor(options: DnsListenersOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  get tcpConnections(): number {
    return this.#open.reduce(
      (sum, listener) => sum + (listener instanceof TcpListener ? listener.connections : 0),
      0,
    );
  }

  /** Throws `port-in-use`, `port-not-allowed`, `host-not-here`, naming host, port and setting. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openAll();
      } catch (error) {
        await this.stop();
        const mayRetry = this.#options.port === 0 && codeOf(error) === 'port-in-use' && attempt < attempts;
        if (!mayRetry) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map((listener) => listener.close()));
  }

  async #openAll(): Promise<void> {
    const { tcp, setting } = this.#options;
    this.#port = this.#options.port;
    // Without IPv6, `::` is what `0.0.0.0` is already.
    for (const host of new Set(await Promise.all(this.#options.hosts.map(hostHere)))) {
      const listeners = [
        new UdpListener({ onPacket: (packet, from) => this.#udp(packet, from) }),
        new TcpListener({ onPacket: (packet) => this.#tcp(packet), limits: tcp }),
      ];
      for (const listener of listeners) {
        this.#open.push(listener);
        try {
          this.#port = await listener.open(host, this.#port);
        } catch (error) {
          throw listenProblem(error, { host, port: this.#port, setting, hostSetting: 'dns.hosts' });
        }
      }
    }
  }

  #udp(packet: Buffer, from: RemoteInfo): Buffer | undefined {
    const { answer, rate, monotonic, onAnswer, onLimited } = this.#options;
    // Port 0 cannot be answered.
    const answered = from.port === 0 ? undefined : answer(packet, 'udp');
    if (answered === undefined) return undefined;
    const decision = rate.decide(from.address, answered.source, monotonic());
    if (decision === 'send') {
      onAnswer('udp', answered.rcode);
      return answered.response;
    }
    onLimited();
    return decision === 'truncate' ? truncated(answered) : undefined;
  }

  #tcp(packet: Buffer): Buffer | undefined {
    const answered = this.#options.answer(packet, 'tcp');
    if (answered !== undefined) this.#options.onAnswer('tcp', answered.rcode);
    return answered?.response;
  }
}
