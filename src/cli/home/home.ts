import type { TObject } from 'typebox';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { Box } from '../../box/box.ts';
import { BoxConfig } from '../../box/config.ts';
import { builtAt } from '../../box/main.ts';
import { Cloud, cloudParts } from '../../cloud/cloud.ts';
import { CloudConfig } from '../../cloud/config.ts';
import { type Loaded, loadConfig } from '../../kit/config.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/files.ts';
import { lockFolder } from '../../kit/lock.ts';
import { createLog, type Log } from '../../kit/log.ts';
import { type Service, ServiceGroup } from '../../kit/service.ts';
import { serviceManager } from '../../kit/systemd.ts';
import { HelloService } from './hello.ts';
import { Pebble } from './pebble.ts';
import type { HomePorts } from './ports.ts';
import { createTestCa, type TestCa } from './test-ca.ts';

/** Below `.localhost`, which browsers and curl find on this machine with no set-up (RFC 6761, 6.3). */
const homeZoneRoot = 'box.localhost';
const here = '127.0.0.1';

export interface HomeOptions {
  state: string;
  ports: HomePorts;
  /** Told when a piece of the house stands. */
  onStep: (step: string, detail: string) => void;
}

/** A whole home on one machine: test CA, cloud, a small service to publish, and one box. All on loopback. */
export class Home implements Service {
  readonly name = 'home';
  readonly #options: HomeOptions;
  #running: ServiceGroup | undefined;
  #logFile: WriteStream | undefined;
  #box: Box | undefined;
  #lock: { release: () => void } | undefined;

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  get box(): Box {
    if (this.#box === undefined) throw new Error('the home has no box yet');
    return this.#box;
  }

  /** Everything that the parts log, as lines of JSON. */
  get logPath(): string {
    return join(this.#options.state, 'log.jsonl');
  }

  /** The CAs of this home, for `curl --cacert`. */
  get caPath(): string {
    return join(this.#options.state, 'ca.pem');
  }

  async start(signal: AbortSignal): Promise<void> {
    const { state, ports, onStep } = this.#options;
    await privateFolder(state);
    this.#lock = lockFolder(state);
    this.#logFile = createWriteStream(this.logPath, { flags: 'a', mode: 0o600 });
    const file = this.#logFile;
    const log = createLog({ level: 'debug', format: 'json', write: (text) => void file.write(text) });

    const ca = await createTestCa();
    const pebble = new Pebble({
      folder: join(state, 'pebble'),
      dnsServer: `${here}:${ports.dns}`,
      ca,
      port: ports.acme,
      managementPort: ports.acmeManagement,
      log: log.child({ part: 'pebble' }),
    });
    const cloud = new Cloud({
      config: await this.#cloudConfig(ca),
      parts: cloudParts,
      manager: serviceManager({}),
      log,
    });
    const told = (service: Service, detail: string): Service => ({
      name: service.name,
      start: async (startSignal) => {
        await service.start(startSignal);
        onStep(service.name, detail);
      },
      stop: () => service.stop(),
    });
    this.#running = new ServiceGroup({
      name: this.name,
      log,
      parts: [
        told(pebble, `Pebble, port ${ports.acme}`),
        told(
          cloud,
          `dns-server ${ports.dns} and ${ports.zoneApi}, registration-server ${ports.registration}, frontend ${ports.frontend}`,
        ),
        told(
          new HelloService({ port: ports.hello }),
          `a small local service to publish, port ${ports.hello}`,
        ),
        this.#boxOnceThereIsACa(ca, pebble, log),
      ],
    });
    await this.#running.start(signal);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
    this.#lock?.release();
    this.#lock = undefined;
    const file = this.#logFile;
    this.#logFile = undefined;
    if (file !== undefined) await new Promise((resolve) => file.end(resolve));
  }

  /** Pebble makes new roots at each start; a certificate from before must stay trusted, so the old ones are kept. */
  #boxOnceThereIsACa(ca: TestCa, pebble: Pebble, log: Log): Service {
    const { state, ports } = this.#options;
    return {
      name: 'box',
      start: async (signal) => {
        const rootsPath = join(state, 'pebble', 'roots.pem');
        const roots = ((await readIfThere(rootsPath)) ?? '') + (await pebble.roots());
        await writeAtomic(rootsPath, roots);
        const bundle = ca.caPem + roots;
        await writeAtomic(this.caPath, bundle, 0o644);
        this.#box = new Box({
          config: boxConfig({ state: join(state, 'box'), ports, directoryUrl: pebble.directoryUrl }),
          trust: { cloud: ca.caPem, acme: bundle },
          builtAt: await builtAt(),
          manager: serviceManager({}),
          log,
        });
        await this.#box.start(signal);
      },
      stop: async () => this.#box?.stop(),
    };
  }

  async #cloudConfig(ca: TestCa): Promise<CloudConfig> {
    const { state, ports } = this.#options;
    const folder = join(state, 'cloud');
    await privateFolder(folder);
    const { certPem, keyPem } = await ca.issue(['localhost', here]);
    const path = (name: string): string => join(folder, name);
    await writeAtomic(path('cert.pem'), certPem);
    await writeAtomic(path('key.pem'), keyPem);
    await writeAtomic(path('ca.pem'), ca.caPem);
    return configured(CloudConfig, {
      state: folder,
      'zone.root': homeZoneRoot,
      'tls.cert-file': path('cert.pem'),
      'tls.key-file': path('key.pem'),
      'dns.hosts': here,
      'dns.port': ports.dns,
      'dns.caa-issuers': 'pebble.letsencrypt.org',
      'zone-api.host': here,
      'zone-api.port': ports.zoneApi,
      'registration.host': here,
      'registration.port': ports.registration,
      'frontend.host': here,
      'frontend.port': ports.frontend,
      'frontend.endpoints': `${here}:${ports.frontend}`,
      'frontend.addresses': here,
      'frontend.cert-name': 'localhost',
      'frontend.cert-file': path('cert.pem'),
      'frontend.key-file': path('key.pem'),
      'frontend.ca-file': path('ca.pem'),
      'system.port': ports.cloudSystem,
    });
  }
}

/** The configuration of a box whose home network is the loopback interface. */
function boxConfig(home: { state: string; ports: HomePorts; directoryUrl: string }): BoxConfig {
  const { state, ports, directoryUrl } = home;
  return configured(BoxConfig, {
    state,
    name: 'Home on one machine',
    'network.interfaces': 'lo',
    'zone.root': homeZoneRoot,
    // The only resolver here that knows the zone: nothing may be asked outside of this machine.
    'zone.resolvers': `${here}:${ports.dns}`,
    'cloud.zone-api': `https://localhost:${ports.zoneApi}`,
    'cloud.registration': `https://localhost:${ports.registration}`,
    'acme.directory': directoryUrl,
    'web.host': here,
    'web.port': ports.web,
    'web.http-port': ports.redirect,
    'web.services': `hello=http://${here}:${ports.hello}`,
    // An avahi-daemon on this machine speaks to the network; the home stays on loopback.
    'mdns.adapter': 'bonjour',
    'system.port': ports.boxSystem,
  });
}

/** A configuration from settings by key, checked like any other. */
function configured<S extends TObject>(
  schema: S,
  settings: Record<string, string | number>,
): Loaded<S>['config'] {
  const args = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
  return loadConfig(schema, { env: {}, args }).config;
}
