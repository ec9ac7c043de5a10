import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../kit/runtime/clock.ts';
import { isAbort } from '../../kit/runtime/errors.ts';
import { FairRate } from '../../kit/http/fair-rate.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { listen, listenProblem } from '../../kit/http/listen.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { intermediateTls } from '../../kit/x509/tls-policy.ts';
import { acceptedTunnelSecrets } from '../tunnel-secret.ts';
import { BoxTunnel } from './box-tunnel.ts';
import { fatalAlert } from './client-hello.ts';
import { type Arrival, awaitArrival, goodbye } from './connection.ts';
import { ConnectionLimiter } from './connection-limiter.ts';
import {
  answerHead,
  challengeLifetimeMs,
  isCopy,
  judgeKite,
  kiteRequests,
  type KiteRequest,
  type KiteVerdict,
  provenBy,
} from './handshake.ts';
import { defaultLimits, type RelayLimits, type Refusal } from './limits.ts';
import { Counters, type RelayMetrics } from './metrics.ts';
import { Registry } from './registry.ts';
import type { Stream } from './stream.ts';

export interface RelayOptions {
  host: string;
  port: number;
  /** The port visitors use, when it is not `port` (behind a port forwarding). */
  publicPort?: number;
  zoneRoot: string;
  /** What the secrets of boxes are derived from; the dns-server has the same. */
  masterKey: Uint8Array;
  /** With it, boxes may wrap their connection in TLS, by `CONNECT <certName>:443`. */
  tls?: { keyPem: string; certPem: string; certName: string };
  limits?: Partial<RelayLimits>;
  log: Log;
  clock: Clock;
  health: Health;
}

const sweepMs = 1000;

const refusedCopy: KiteVerdict = { kind: 'invalid', reason: 'copied-identity' };

/**
 * The relay: passes a visitor's TLS, chosen by its server name, to the box that proved that name. It holds no key of any
 * box and sees no plain text.
 */
export class Relay implements Service {
  readonly name = 'relay';
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #registry = new Registry();
  readonly #counters = new Counters();
  readonly #limiter: ConnectionLimiter;
  readonly #newStreams: FairRate;
  /** Challenges that were answered: none is good twice. */
  readonly #spent = new Map<string, number>();
  readonly #uuid = randomBytes(20).toString('hex');
  #server: Server | undefined;
  #publicPort = 0;
  #secure: { certName: string; context: SecureContext } | undefined;
  #stopping: AbortController | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#limiter = new ConnectionLimiter({ limits: this.#limits, counters: this.#counters });
    this.#newStreams = new FairRate(this.#limits.newStreams);
  }

  /** The port that is really open, which differs from the setting when that is 0. */
  get port(): number {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    if (address === null || address === undefined) throw new Error('relay is not listening');
    return address.port;
  }

  get metrics(): RelayMetrics {
    const { tunnelsOpened, takeOvers, streamsOpened, bytesToBoxes, bytesToVisitors, refusals } =
      this.#counters;
    const tunnels = this.#registry.tunnels;
    return {
      connections: this.#limiter.count,
      tunnels: tunnels.length,
      streams: tunnels.reduce((sum, tunnel) => sum + tunnel.streams.size, 0),
      bufferedBytes: tunnels.reduce((sum, tunnel) => sum + tunnel.buffered, 0),
      tunnelsOpened,
      takeOvers,
      streamsOpened,
      bytesToBoxes,
      bytesToVisitors,
      refusals: { ...refusals },
    };
  }

  async start(): Promise<void> {
    const { host, port, tls, health } = this.#options;
    this.#secure = tls && {
      certName: tls.certName,
      context: createSecureContext({ key: tls.keyPem, cert: tls.certPem, ...intermediateTls }),
    };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    try {
      // A thousand boxes come back at once when a relay was away.
      await listen(server, { host, port, backlog: 4096 });
    } catch (error) {
      throw listenProblem(error, { host, port, setting: 'relay.port' });
    }
    server.on('error', (error) =>
      this.#options.log.error({ err: error }, 'the relay cannot accept connections'),
    );
    this.#publicPort = this.#options.publicPort ?? this.port;
    this.#stopping = new AbortController();
    void this.#sweep(this.#stopping.signal);
    health.set('relay', 'ok', `relays visitors to boxes on port ${this.port}`);
  }

  /** Takes nobody new, gives those who are there `drainMs` to finish, then closes everything. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = server.listening ? once(server, 'close') : Promise.resolve();
    server.close();
    for (const socket of this.#limiter.undecided) socket.destroy();
    const until = this.#now() + this.#limits.drainMs;
    // Those that are not done by then are closed by the sweep.
    for (const tunnel of this.#registry.tunnels) tunnel.drain(until);
    await closed;
    // The server forgets a connection a moment before its socket says so.
    await Promise.all(
      this.#limiter.connections.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    this.#stopping?.abort();
    this.#options.health.clear('relay');
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #accept(socket: Socket): void {
    if (!this.#limiter.admit(socket, this.#now())) return;
    awaitArrival({
      socket,
      maxBytes: this.#limits.helloBytes,
      tls: this.#secure,
      uuid: this.#uuid,
      onArrival: (arrival) => {
        this.#limiter.decided(socket);
        this.#arrived(arrival, socket);
      },
    });
  }

  /** `socket`: what the door knows it by; a box that asks for TLS has another one in it. */
  #arrived(arrival: Arrival, socket: Socket): void {
    if (arrival.kind === 'gone') return;
    if (arrival.kind === 'refused') this.#counters.refuse(arrival.reason);
    else if (arrival.kind === 'visitor') this.#visitor(arrival.socket, arrival.serverName, arrival.hello);
    else this.#box(arrival, socket);
  }

  #visitor(socket: Socket, serverName: string, hello: Buffer): void {
    const refuse = (reason: Refusal, alert: Parameters<typeof fatalAlert>[0]): void => {
      this.#counters.refuse(reason);
      goodbye(socket, fatalAlert(alert));
    };
    const tunnel = this.#registry.find(serverName);
    if (tunnel === undefined) return refuse('no-such-tunnel', 'unrecognized_name');
    const client = this.#limiter.clientOf(socket) ?? 'gone';
    if (this.#newStreams.tryTake(client, this.#now(), tunnel.box.boxId) > 0)
      return refuse('streams-too-fast', 'internal_error');
    tunnel.open(socket, client, serverName, hello);
  }

  #box(arrival: Extract<Arrival, { kind: 'box' }>, outer: Socket): void {
    const { socket } = arrival;
    const kites = kiteRequests(arrival.head) ?? [];
    const judged = kites.map((kite) => ({ kite, verdict: this.#judge(kite) }));
    const proven = provenBy(judged);
    const copied = proven !== undefined && isCopy(proven.run, this.#registry.runs(proven.boxId));
    const verdicts = copied ? judged.map(({ kite }) => ({ kite, verdict: refusedCopy })) : judged;
    const sessionId = proven === undefined || copied ? undefined : randomBytes(16).toString('hex');
    const publicPort = this.#publicPort;
    const head = answerHead({ verdicts, publicPort, sessionId });
    if (copied) this.#counters.refuse('copied-identity');
    else if (verdicts.some(({ verdict }) => verdict.kind === 'invalid'))
      this.#counters.refuse('kite-refused');
    if (proven === undefined || sessionId === undefined) return goodbye(socket, head);
    for (const { kite, verdict } of verdicts) {
      if (verdict.kind === 'ok') this.#spent.set(kite.token, this.#now() + 2 * challengeLifetimeMs);
    }
    const box = this.#registry.box(proven.boxId, () => this.#visitorPlaces());
    this.#limiter.isTunnel(outer);
    const tunnel = new BoxTunnel({
      socket,
      box,
      names: proven.names,
      boxRun: proven.run,
      sessionId,
      publicPort,
      limits: this.#limits,
      counters: this.#counters,
      now: () => this.#now(),
      onUsed: (visitor) => this.#limiter.used(visitor),
      onClosed: (closed) => this.#closed(closed),
    });
    socket.write(head);
    this.#takeOver(tunnel, arrival.head.headers.find(([name]) => name === 'x-pagekite-replace')?.[1]);
    tunnel.run(arrival.rest);
  }

  #judge(kite: KiteRequest): KiteVerdict {
    const { zoneRoot, masterKey, clock } = this.#options;
    if (this.#spent.has(kite.token)) return { kind: 'invalid', reason: 'challenge' };
    const now = clock.now();
    const secrets = (kiteName: string): string[] => acceptedTunnelSecrets(masterKey, kiteName, now);
    const nonce = randomBytes(8).toString('hex');
    return judgeKite(kite, { zoneRoot, masterKey, now, nonce, secrets });
  }

  /** New visitors go to the new tunnel at once; those in the old one may finish, unless it is said to be gone. */
  #takeOver(tunnel: BoxTunnel, replaces: string | undefined): void {
    this.#counters.tunnelsOpened++;
    for (const old of this.#registry.add(tunnel)) {
      this.#counters.takeOvers++;
      if (old.sessionId === replaces) old.close();
      else old.drain(this.#now() + this.#limits.drainMs);
    }
    const excess = [...tunnel.box.tunnels].slice(0, -this.#limits.tunnelsPerBox);
    for (const old of excess) old.close('too-many-tunnels');
    this.#options.log.info({ names: tunnel.names }, `tunnel open: ${tunnel.names.join(', ')}`);
  }

  #closed(tunnel: BoxTunnel): void {
    this.#registry.remove(tunnel);
    this.#options.log.info({ names: tunnel.names }, `tunnel closed: ${tunnel.names.join(', ')}`);
  }

  #visitorPlaces(): FairShares<Stream> {
    const onLost = (stream: Stream): void => {
      this.#counters.refuse('too-many-streams');
      stream.destroy();
    };
    return new FairShares({ most: this.#limits.streamsPerBox, onLost });
  }

  /** Once a second: who is too slow, who is silent, what can be forgotten. */
  async #sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.clock.sleep(sweepMs, signal);
      } catch (error) {
        if (isAbort(error)) return;
        throw error;
      }
      const now = this.#now();
      this.#limiter.sweep(now);
      for (const [token, until] of this.#spent) {
        if (now < until) break;
        this.#spent.delete(token);
      }
      for (const tunnel of this.#registry.tunnels) tunnel.tick(now);
      this.#relieve();
    }
  }

  /** When too much waits in all, those who hold most go first. */
  #relieve(): void {
    const excess = this.metrics.bufferedBytes - this.#limits.bufferedBytes;
    if (excess <= 0) return;
    const streams = this.#registry.tunnels.flatMap((tunnel) => [...tunnel.streams.values()]);
    let freed = 0;
    for (const stream of streams.toSorted((a, b) => b.buffered - a.buffered)) {
      if (freed >= excess) break;
      freed += stream.buffered;
      this.#counters.refuse('buffers-full');
      stream.destroy();
    }
  }
}
