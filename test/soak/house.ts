import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pebble } from '../../src/cli/home/pebble.ts';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { createTestCa, type TestCa } from '../../src/cli/home/test-ca.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import type { Program, Running } from './program.ts';

const here = '127.0.0.1';
export const zoneRoot = 'box.localhost';
export const appOrigin = 'https://app.test';

/** What stands in the status of a box, or of what is there in its place. */
export interface Status {
  boxId: string;
  setupCode: string | null;
  health: string;
  certificate: unknown;
  tunnel: { phase: string; reason?: string };
  conditions: { name: string; severity: string; message: string }[];
}

/** Box and cloud as their programs, with a CA beside them, all on loopback. Their state is where the caller says. */
export class House {
  readonly ports: HomePorts;
  readonly ca: TestCa;
  readonly #folder: string;
  readonly #program: Program;
  #pebble: Pebble | undefined;

  private constructor(folder: string, program: Program, ports: HomePorts, ca: TestCa) {
    this.#folder = folder;
    this.#program = program;
    this.ports = ports;
    this.ca = ca;
  }

  /** `folder` is empty, and holds what is no state. Without `withCa` the box finds no CA, and no certificate. */
  static async open(folder: string, program: Program, withCa: boolean): Promise<House> {
    mkdirSync(folder, { recursive: true });
    const house = new House(folder, program, await freePorts(), await createTestCa());
    await house.#prepare(withCa);
    return house;
  }

  async #prepare(withCa: boolean): Promise<void> {
    const { certPem, keyPem } = await this.ca.issue(['localhost', here]);
    writeFileSync(this.#path('cert.pem'), certPem);
    writeFileSync(this.#path('key.pem'), keyPem);
    let roots = '';
    if (withCa) {
      this.#pebble = new Pebble({
        folder: this.#path('pebble'),
        dnsServer: `${here}:${this.ports.dns}`,
        ca: this.ca,
        port: this.ports.acme,
        managementPort: this.ports.acmeManagement,
        log: silentLog,
      });
      await this.#pebble.start(AbortSignal.timeout(60_000));
      roots = await this.#pebble.roots();
    }
    writeFileSync(this.#path('ca.pem'), this.ca.caPem + roots);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** `environment`: beside what its unit gives it. */
  startBox(state: string, environment: Record<string, string> = {}): Running {
    const { ports } = this;
    return this.#program.start(
      'box',
      flags({
        state,
        name: 'Soaked',
        'network.interfaces': 'lo',
        'zone.root': zoneRoot,
        'zone.resolvers': `${here}:${ports.dns}`,
        'cloud.zone-api': `https://localhost:${ports.zoneApi}`,
        'cloud.registration': `https://localhost:${ports.registration}`,
        'cloud.mailbox': `https://localhost:${ports.mailbox}`,
        'cloud.ca-file': this.#path('ca.pem'),
        'acme.directory': `https://${here}:${ports.acme}/dir`,
        'acme.ca-file': this.#path('ca.pem'),
        'access.apps': `${appOrigin}/back`,
        'tunnel.enabled': 'false',
        'web.host': here,
        'web.port': ports.web,
        'web.http-port': ports.redirect,
        'enrolment.port': ports.devices,
        'enrolment.insecure-port': ports.certificateExchange,
        'mdns.adapter': 'off',
        'system.port': ports.boxSystem,
      }),
      environment,
    );
  }

  startCloud(state: string): Running {
    const { ports } = this;
    return this.#program.start(
      'cloud',
      flags({
        state,
        'zone.root': zoneRoot,
        'tls.cert-file': this.#path('cert.pem'),
        'tls.key-file': this.#path('key.pem'),
        'dns.hosts': here,
        'dns.port': ports.dns,
        'dns.caa-issuers': 'pebble.letsencrypt.org',
        'zone-api.host': here,
        'zone-api.port': ports.zoneApi,
        'registration.host': here,
        'registration.port': ports.registration,
        'registration.apps': appOrigin,
        'mailbox.host': here,
        'mailbox.port': ports.mailbox,
        'app.host': here,
        'app.port': ports.app,
        'app.registration': `https://localhost:${ports.registration}`,
        'relay.host': here,
        'relay.port': ports.relay,
        'relay.endpoints': `${here}:${ports.relay}`,
        'relay.addresses': here,
        'system.port': ports.cloudSystem,
      }),
    );
  }

  /** What it says of itself once it can; `undefined` when it ends before, or `patienceMs` are over. */
  async status(which: 'box' | 'cloud', process: Running, patienceMs = 60_000): Promise<Status | undefined> {
    const port = which === 'box' ? this.ports.boxSystem : this.ports.cloudSystem;
    for (const end = performance.now() + patienceMs; !process.ended && performance.now() < end;) {
      const text = await statusAt(port);
      if (text !== undefined) return JSON.parse(text) as Status;
      await sleep(15);
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#pebble?.stop();
  }
}

const flags = (settings: Record<string, string | number>): string[] =>
  Object.entries(settings).map(([key, value]) => `--${key}=${value}`);

function statusAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: here, port, path: '/status', agent: false, timeout: 5000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text === '' ? undefined : text));
      response.on('error', () => resolve(undefined));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
