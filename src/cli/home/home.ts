import { stringify } from 'smol-toml';
import type { TObject } from 'typebox';
import { createWriteStream, type WriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Box } from '../../box/box.ts';
import { BoxConfig } from '../../box/config.ts';
import { trustOf } from '../../box/installation.ts';
import { builtAt, version } from '../../kit/runtime/program.ts';
import { Cloud, cloudParts } from '../../cloud/cloud.ts';
import { CloudConfig } from '../../cloud/config.ts';
import { builtPages, readBuiltFiles } from '../../kit/http/built-files.ts';
import { type Loaded, loadConfig } from '../../kit/config/config.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import { lockFolder } from '../../kit/store/lock.ts';
import { LogMemory } from '../../kit/log/log-memory.ts';
import { createLog, type Log } from '../../kit/log/log.ts';
import { type Service, ServiceGroup } from '../../kit/runtime/service.ts';
import { serviceManager } from '../../kit/runtime/systemd.ts';
import { type FirstPerson, firstPerson } from './first-person.ts';
import { inWordsOfAHome } from './free-port.ts';
import { HelloService } from './hello.ts';
import { Pebble } from './pebble.ts';
import { homeBoxFile } from './place.ts';
import type { HomePorts } from './ports.ts';
import { createTestCa, type TestCa } from './test-ca.ts';

/** Below `.localhost`, which browsers and curl find on this machine with no set-up (RFC 6761, 6.3). */
const homeZoneRoot = 'box.localhost';
const here = '127.0.0.1';
const usualAppHost = 'app.localhost';

export interface HomeOptions {
  state: string;
  ports: HomePorts;
  /** Leave the box to its first person: it has no owner then, and opens no tunnel. */
  unclaimed?: boolean;
  /** Name under which the app is served; default `app.localhost`. Other ones are for browsers that are told where they are. */
  appHost?: string;
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
  #owner: Promise<FirstPerson> | undefined;
  #lock: { release: () => void } | undefined;

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  get box(): Box {
    if (this.#box === undefined) throw new Error('the home has no box yet');
    return this.#box;
  }

  /** Who can sign in; `undefined` in a home that was left unclaimed. */
  get owner(): Promise<FirstPerson> | undefined {
    return this.#owner;
  }

  /** Everything that the parts log, as lines of JSON. */
  get logPath(): string {
    return join(this.#options.state, 'log.jsonl');
  }

  /** The CAs of this home, for `curl --cacert`. */
  get caPath(): string {
    return join(this.#options.state, 'ca.pem');
  }

  /** The hosted app. */
  get appUrl(): string {
    return `https://${this.#appHost}:${this.#options.ports.app}/`;
  }

  get #appHost(): string {
    return this.#options.appHost ?? usualAppHost;
  }

  /** The box's settings, for `porchlight status --config` and the like. */
  get boxConfigPath(): string {
    return join(this.#options.state, homeBoxFile);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { state, ports, onStep } = this.#options;
    await privateFolder(state);
    this.#lock = lockFolder(state);
    this.#logFile = createWriteStream(this.logPath, { flags: 'a', mode: 0o600 });
    const file = this.#logFile;
    const logs = new LogMemory({ capacity: 2000 });
    const log = createLog({
      level: 'debug',
      format: 'json',
      write: (text) => void file.write(text),
      also: (line) => logs.add(line),
    });

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
          `dns-server ${ports.dns} and ${ports.zoneApi}, registration-server ${ports.registration}, mailbox ${ports.mailbox}, relay ${ports.relay}`,
        ),
        told(
          new HelloService({ port: ports.hello }),
          `a small local service to publish, port ${ports.hello}`,
        ),
        this.#boxOnceThereIsACa(ca, pebble, log, logs),
      ],
    });
    try {
      await this.#running.start(signal);
    } catch (error) {
      throw inWordsOfAHome(error);
    }
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

  /** The certificate does not wait for a person: what goes wrong is told to whoever asks for the owner. */
  #claim(box: Box): void {
    const { state, ports } = this.#options;
    this.#owner = firstPerson(box, { state, port: ports.web });
    this.#owner.catch(() => undefined);
  }

  /** Pebble makes new roots at each start; a certificate from before must stay trusted, so the old ones are kept. */
  #boxOnceThereIsACa(ca: TestCa, pebble: Pebble, log: Log, logs: LogMemory): Service {
    const { state } = this.#options;
    return {
      name: 'box',
      start: async (signal) => {
        const rootsPath = join(state, 'pebble', 'roots.pem');
        const roots = ((await readIfThere(rootsPath)) ?? '') + (await pebble.roots());
        await writeAtomic(rootsPath, roots);
        await writeAtomic(this.caPath, ca.caPem + roots, 0o644);
        const config = await this.#boxConfig(pebble.directoryUrl);
        const options = {
          config,
          trust: await trustOf(config),
          pages: await readBuiltFiles(builtPages('console')),
          logs,
          version: await version(),
          builtAt: await builtAt(),
          manager: serviceManager({}),
          log,
        };
        const begin = async (): Promise<Box> => {
          const box: Box = new Box({ ...options, restart: () => void again(box) });
          this.#box = box;
          await box.start(signal);
          return box;
        };
        // As the service manager does with a box that ends to be started again.
        const again = async (box: Box): Promise<void> => {
          try {
            await box.stop();
            if (!signal.aborted) await begin();
          } catch (error) {
            log.error(error, 'the box could not be started again');
          }
        };
        const box = await begin();
        if (this.#options.unclaimed !== true) this.#claim(box);
      },
      stop: async () => {
        await this.#owner?.catch(() => undefined);
        await this.#box?.stop();
      },
    };
  }

  async #cloudConfig(ca: TestCa): Promise<CloudConfig> {
    const { state, ports } = this.#options;
    const folder = join(state, 'cloud');
    await privateFolder(folder);
    const { certPem, keyPem } = await ca.issue(['localhost', here, this.#appHost]);
    const path = (name: string): string => join(folder, name);
    await writeAtomic(path('cert.pem'), certPem);
    await writeAtomic(path('key.pem'), keyPem);
    await writeAtomic(path('ca.pem'), ca.caPem);
    return written(CloudConfig, join(state, 'cloud.toml'), {
      state: folder,
      zone: { root: homeZoneRoot },
      tls: { 'cert-file': path('cert.pem'), 'key-file': path('key.pem') },
      dns: { hosts: [here], port: ports.dns, 'caa-issuers': ['pebble.letsencrypt.org'] },
      'zone-api': { host: here, port: ports.zoneApi },
      registration: { host: here, port: ports.registration, apps: [new URL(this.appUrl).origin] },
      mailbox: { host: here, port: ports.mailbox },
      relay: {
        host: here,
        port: ports.relay,
        endpoints: [`${here}:${ports.relay}`],
        addresses: [here],
        'cert-name': 'localhost',
        'cert-file': path('cert.pem'),
        'key-file': path('key.pem'),
        'ca-file': path('ca.pem'),
      },
      app: { host: here, port: ports.app, registration: `https://localhost:${ports.registration}` },
      system: { port: ports.cloudSystem },
    });
  }

  /** The settings of a box whose home network is the loopback interface. */
  #boxConfig(directoryUrl: string): Promise<BoxConfig> {
    const { state, ports } = this.#options;
    return written(BoxConfig, this.boxConfigPath, {
      state: join(state, 'box'),
      name: 'Home on one machine',
      network: { interfaces: ['lo'] },
      // The only resolver here that knows the zone: nothing may be asked outside of this machine.
      zone: { root: homeZoneRoot, resolvers: [`${here}:${ports.dns}`] },
      cloud: {
        'zone-api': `https://localhost:${ports.zoneApi}`,
        registration: `https://localhost:${ports.registration}`,
        mailbox: `https://localhost:${ports.mailbox}`,
        'ca-file': this.caPath,
      },
      acme: { directory: directoryUrl, 'ca-file': this.caPath },
      access: { apps: [this.appUrl] },
      web: {
        host: here,
        port: ports.web,
        'http-port': ports.redirect,
        services: { hello: `http://${here}:${ports.hello}` },
      },
      enrolment: { port: ports.devices, 'insecure-port': ports.certificateExchange },
      // An avahi-daemon on this machine speaks to the network; the home stays on loopback.
      mdns: { adapter: 'bonjour' },
      system: { port: ports.boxSystem },
    });
  }
}

/** Settings as a file, so that other commands can be pointed to it, and as they are read back from there. */
async function written<S extends TObject>(
  schema: S,
  path: string,
  settings: object,
): Promise<Loaded<S>['config']> {
  const described = join(
    import.meta.dirname,
    '../../../docs/schemas',
    basename(path).replace('.toml', '.json'),
  );
  // The first line is for editors.
  const head = `#:schema ${pathToFileURL(described).href}\n# Written by \`porchlight home\` at each start.`;
  await writeAtomic(path, `${head}\n${stringify(settings)}`);
  return loadConfig(schema, { env: {}, args: ['--config', path] }).config;
}
