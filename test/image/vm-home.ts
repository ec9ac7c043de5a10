import { execFileSync } from '../support/programs.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { trust } from '../browser/trusting-home.ts';
import { createHomeNetwork, type HomeNetwork, places } from '../home/home-network.ts';
import { jsonLine, SpeakingChild } from '../home/speaking-child.ts';
import type { Namespace } from '../support/netns.ts';
import { chromiumPath, quietly } from '../web/browser.ts';
import { Vm, type VmOptions } from './vm.ts';

/** What `internet.child.ts` is told: two addresses, because app and relay both have port 443. */
export interface Internet {
  folder: string;
  zoneRoot: string;
  cloud: { name: string; address: string };
  app: { name: string; address: string };
}

const mac = '52:54:00:50:4c:01';
const address = '192.168.1.20';

export interface Owner {
  name: string;
  password: string;
}

/**
 * A home network with a virtual machine in it, from the image: router (dnsmasq, NAT), laptop, and behind the router a whole
 * cloud with a CA. Nothing of it touches the machine's own network.
 */
export class VmHome {
  readonly network: HomeNetwork = createHomeNetwork();
  readonly #folder = join(this.network.folder, 'internet');
  readonly #internet: Internet = {
    folder: this.#folder,
    zoneRoot: 'box.porchlight.test',
    cloud: { name: 'cloud.porchlight.test', address: places.cloud },
    app: { name: 'app.porchlight.test', address: '203.0.113.11' },
  };
  #child: SpeakingChild | undefined;
  #tap = '';
  #directory = '';
  #cas = '';
  #vms: Vm[] = [];
  #browser: Browser | undefined;

  static async open(): Promise<VmHome> {
    const home = new VmHome();
    try {
      await home.#open();
      return home;
    } catch (error) {
      await home.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { network } = this;
    const { zoneRoot, cloud, app } = this.#internet;
    mkdirSync(this.#folder);
    writeFileSync(join(this.#folder, 'resolv.conf'), `nameserver ${places.router}\n`);
    network.cloud.exec('ip', ['address', 'add', `${app.address}/24`, 'dev', 'eth0']);
    network.shareAddress();
    this.#tap = await network.plugInMachine(mac, address);
    await network.startRouter({ zoneRoot, names: { [cloud.name]: cloud.address, [app.name]: app.address } });
    const script = fileURLToPath(new URL('internet.child.ts', import.meta.url));
    this.#child = new SpeakingChild(
      network.cloud.spawn(process.execPath, [script, JSON.stringify(this.#internet)]),
    );
    const told = await this.#child.until(
      (line) => {
        const { directory, cas } = jsonLine(line) ?? {};
        return typeof directory === 'string' && typeof cas === 'string' ? { directory, cas } : undefined;
      },
      0,
      60_000,
    );
    this.#directory = told.directory;
    this.#cas = told.cas;
  }

  get appOrigin(): string {
    return `https://${this.#internet.app.name}`;
  }

  /** Names of the box, by its id. */
  names(boxId: string): { main: string; tunnel: string } {
    const main = `${boxId}.${this.#internet.zoneRoot}`;
    return { main, tunnel: `remote.${main}` };
  }

  /** How many certificates the CA has been asked for. */
  get orders(): number {
    return this.#child?.lines.filter((line) => line.includes('Added order')).length ?? 0;
  }

  /**
   * A machine with a fresh card, in this home; not started. One may run at a time. Its card says where the cloud is, unless
   * it is not `told`.
   */
  machine({ told = true, ...options }: VmOptions & { told?: boolean } = {}): Vm {
    const { zoneRoot, cloud } = this.#internet;
    const toml = `
[zone]
root = "${zoneRoot}"
[cloud]
zone-api = "https://${cloud.name}:5300"
registration = "https://${cloud.name}:4443"
ca-file = "cas.pem"
[acme]
directory = "${this.#directory}"
ca-file = "cas.pem"
[access]
apps = ["${this.appOrigin}/"]
`;
    const vm = new Vm({
      ...options,
      ...(told
        ? {
            toml: `${options.toml ?? ''}${toml}`,
            files: { 'cas.pem': this.#cas, ...options.files },
          }
        : {}),
      network: {
        tap: this.#tap,
        mac,
        address,
        within: ['ip', 'netns', 'exec', this.network.box.name],
        from: ['ip', 'netns', 'exec', this.network.laptop.name],
      },
    });
    this.#vms.push(vm);
    return vm;
  }

  /** What the box's page answers, fetched from the laptop (or elsewhere) with its certificate verified. Throws what curl says. */
  fetch(
    url: string,
    options: { from?: Namespace; post?: unknown; headers?: readonly string[] } = {},
  ): string {
    const { from = this.network.laptop, post, headers = [] } = options;
    const cas = join(this.#folder, 'cas.pem');
    writeFileSync(cas, this.#cas);
    const body = post === undefined ? [] : ['--data', JSON.stringify(post)];
    const all = post === undefined ? headers : ['content-type: application/json', ...headers];
    return this.#withNames(from, 'curl', [
      '--silent',
      '--show-error',
      '--fail-with-body',
      '--max-time',
      '60',
      '--cacert',
      cas,
      ...all.flatMap((header) => ['--header', header]),
      ...body,
      url,
    ]);
  }

  /** Makes somebody the owner, by the call that the console makes; `note` is the box's note on the card. */
  claim(note: string, person: Owner): string {
    const boxId = boxIdIn(note);
    const origin = `https://${this.names(boxId).main}`;
    const setupCode = /^Setup code +(\S+)$/m.exec(note)?.[1] ?? '';
    this.fetch(`${origin}/api/first-run`, { post: { ...person, setupCode }, headers: [`origin: ${origin}`] });
    return boxId;
  }

  /** Logs in with the password; throws what the box answers when it does not let them in. */
  signIn(boxId: string, person: Owner): void {
    const origin = `https://${this.names(boxId).main}`;
    this.fetch(`${origin}/api/login`, { post: person, headers: [`origin: ${origin}`] });
  }

  /** `porchlight …` on the laptop. */
  porchlight(...args: string[]): string {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    return this.#withNames(this.network.laptop, process.execPath, [main, ...args]);
  }

  /** The laptop's browser, which trusts the CAs of this internet and asks the home's resolver. */
  async browser(): Promise<Browser> {
    if (this.#browser !== undefined) return this.#browser;
    const person = join(this.network.folder, 'person');
    mkdirSync(person);
    trust(person, this.#cas);
    // Chromium as the laptop: in its network, and with its resolver.
    const executablePath = join(this.network.folder, 'chromium');
    const words = inside(this.network.laptop, this.#resolvConf, chromiumPath, []).map((word) => `'${word}'`);
    writeFileSync(executablePath, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
    this.#browser = await chromium.launch({
      executablePath,
      env: { ...process.env, HOME: person },
      args: ['--no-sandbox', ...quietly],
      timeout: 120_000,
    });
    return this.#browser;
  }

  get #resolvConf(): string {
    return join(this.#folder, 'resolv.conf');
  }

  #withNames(namespace: Namespace, program: string, args: readonly string[]): string {
    const [command = '', ...words] = inside(namespace, this.#resolvConf, program, args);
    const { PATH: path = '' } = process.env;
    // Of nobody's settings, and with a home folder for what it remembers.
    const env = { PATH: path, HOME: this.network.folder };
    return execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env });
  }

  async close(): Promise<void> {
    await this.#browser?.close().catch(() => undefined);
    for (const vm of this.#vms) await vm.remove();
    await this.#child?.stop().catch(() => undefined);
    this.network.remove();
  }
}

export function boxIdIn(note: string): string {
  const id = /^Box id +([a-z2-7]{52})$/m.exec(note)?.[1];
  if (id === undefined) throw new Error(`the note names no box: ${note}`);
  return id;
}

/** A command in a namespace, with another file in the place of resolv.conf. */
function inside(
  namespace: Namespace,
  resolvConf: string,
  program: string,
  args: readonly string[],
): string[] {
  const script = 'mount --bind "$0" /etc/resolv.conf; exec "$@"';
  // `ip netns exec` makes a mount namespace of its own.
  return ['ip', 'netns', 'exec', namespace.name, 'sh', '-ec', script, resolvConf, program, ...args];
}
