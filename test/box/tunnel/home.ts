import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Relay, RelayOptions } from '../../../src/cloud/relay/relay.ts';
import { Tunnel, type TunnelOptions } from '../../../src/box/tunnel/tunnel.ts';
import type { TunnelState } from '../../../src/box/facts.ts';
import { createTestCa, type TestCa } from '../../../src/cli/home/test-ca.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact, until } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import type { BoxId } from '../../../src/protocol/names.ts';
import type { TunnelGrant } from '../../../src/protocol/zone-api.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  grantFor,
  randomBoxId,
  someCertificate,
  testRelay,
  tunnelNameOf,
  WebStandIn,
  type WebOptions,
} from './stand-in.ts';

let sharedCa: Promise<TestCa> | undefined;

/** One CA for all tests of a file: an RSA key takes its time. */
export function testCa(): Promise<TestCa> {
  return (sharedCa ??= createTestCa());
}

export interface BoxOptions {
  boxId?: BoxId;
  web?: Partial<WebOptions>;
  tunnel?: Partial<TunnelOptions>;
  /** Called for each grant. */
  grant?: (boxId: BoxId, relay: Relay) => TunnelGrant | Promise<TunnelGrant>;
}

/** A box with the real PageKite client, its web a stand-in. */
export class TestBox {
  readonly boxId: BoxId;
  readonly tunnelName: string;
  readonly lines: string[] = [];
  readonly enabled = new OwnedFact(true);
  readonly health = new Health(systemClock);
  readonly web: WebStandIn;
  readonly tunnel: Tunnel;
  readonly ca: TestCa;

  private constructor(options: {
    boxId: BoxId;
    web: WebStandIn;
    ca: TestCa;
    relay: Relay;
    more: BoxOptions;
  }) {
    const { boxId, web, ca, relay, more } = options;
    this.boxId = boxId;
    this.tunnelName = tunnelNameOf(boxId);
    this.web = web;
    this.ca = ca;
    const grant = more.grant ?? ((id, at) => grantFor(id, at.port));
    this.tunnel = new Tunnel({
      names: { tunnel: this.tunnelName },
      enabled: this.enabled,
      certificate: someCertificate,
      grants: { tunnel: async () => grant(boxId, relay) },
      localPort: () => web.port,
      probe: web.probe,
      probeCa: ca.caPem,
      runtimeFolder: temporaryFolder(),
      log: createLog({ level: 'trace', format: 'json', write: (line) => void this.lines.push(line) }),
      clock: systemClock,
      random: Math.random,
      health: this.health,
      ...more.tunnel,
    });
  }

  static async start(relay: Relay, more: BoxOptions = {}): Promise<TestBox> {
    const boxId = more.boxId ?? randomBoxId();
    const ca = await testCa();
    const web = new WebStandIn({ boxId, tls: await ca.issue([tunnelNameOf(boxId)]), ...more.web });
    await web.start();
    const box = new TestBox({ boxId, web, ca, relay, more });
    await box.tunnel.start();
    return box;
  }

  async connected(): Promise<this> {
    await this.reaches('connected');
    return this;
  }

  reaches(phase: TunnelState['phase'], ms = 20_000): Promise<TunnelState> {
    return until(this.tunnel.state, (state) => state.phase === phase, AbortSignal.timeout(ms));
  }

  async stop(): Promise<void> {
    await this.tunnel.stop();
    await this.web.stop();
  }

  /** One request of a visitor, by default over a connection of its own. */
  fetch(
    relay: Relay,
    path: string,
    options: RequestOptions & { body?: Buffer } = {},
  ): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: relay.port,
          servername: this.tunnelName,
          ca: this.ca.caPem,
          agent: false,
          path,
          ...options,
        },
        (response: IncomingMessage) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
        },
      );
      call.on('error', reject);
      call.end(options.body);
    });
  }
}

/** Everything a test starts, stopped whatever happens; boxes before relays. */
export class Household {
  readonly #boxes: TestBox[] = [];
  readonly #relays: Relay[] = [];

  async relay(options: Partial<RelayOptions> = {}): Promise<Relay> {
    const relay = testRelay(options);
    await relay.start();
    this.#relays.push(relay);
    return relay;
  }

  async box(relay: Relay, options: BoxOptions = {}): Promise<TestBox> {
    const box = await TestBox.start(relay, options);
    this.#boxes.push(box);
    return box;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#boxes.map((box) => box.stop()));
    await Promise.all(this.#relays.map((relay) => relay.stop()));
  }
}
