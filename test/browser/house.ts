import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { FirstPerson } from '../../src/cli/home/first-person.ts';
import { Home } from '../../src/cli/home/home.ts';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { watchSteps } from '../../src/cli/home/progress.ts';
import type { Box } from '../../src/box/box.ts';
import { FaultyPort } from '../client/faulty-port.ts';
import { buildPagesIfOlder } from './built-pages.ts';
import { chromiumPath, quietly } from '../web/browser.ts';
import { trust } from './trusting-home.ts';

/** Not one of this machine's names: the app asks before it speaks to the home network from there. */
const distantApp = 'app.porchlight.test';

export interface HouseOptions {
  /** The box has no owner yet. */
  unclaimed: boolean;
  /**
   * The browser takes the app, the cloud and the tunnel to be on the internet, and the box's own names to lead to a home
   * network, as they do in life: pages then need the person's leave to cross from one to the other.
   */
  apart?: boolean;
  /** CAs (PEM) that the browser trusts besides those of the home. */
  trusted?: string;
}

/**
 * A whole real home with its cloud, and a browser that trusts its CA as a person's would: nothing about certificates is
 * ignored. Every name of the box leads through a door that a test can shut, so that a name can die while pages are open.
 */
export class House {
  readonly home: Home;
  readonly ports: HomePorts;
  readonly #folder: string;
  #switchedPorts: { main: FaultyPort; mirrors: readonly FaultyPort[]; tunnel: FaultyPort } | undefined;
  #browser: Browser | undefined;

  private constructor(options: HouseOptions & { folder: string; ports: HomePorts }) {
    const { folder, ports, unclaimed, apart = false } = options;
    this.#folder = folder;
    this.ports = ports;
    const state = join(folder, 'home');
    const app = apart ? { appHost: distantApp } : {};
    this.home = new Home({ state, ports, unclaimed, onStep: () => undefined, ...app });
  }

  /** Resolves when the box is ready for its first visitor. */
  static async start(options: HouseOptions): Promise<House> {
    buildPagesIfOlder();
    const folder = mkdtempSync(join(tmpdir(), 'porchlight-house-'));
    const house = new House({ folder, ports: await freePorts(), ...options });
    try {
      const signal = AbortSignal.timeout(50_000);
      await house.home.start(signal);
      await Promise.all([
        watchSteps(house.box, () => undefined, signal, options),
        house.home.owner,
        house.#openPorts(),
      ]);
      house.#browser = await house.#launch(options);
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  get box(): Box {
    return this.home.box;
  }

  get switchedPorts(): { main: FaultyPort; mirrors: readonly FaultyPort[]; tunnel: FaultyPort } {
    if (this.#switchedPorts === undefined) throw new Error('the house has no doors yet');
    return this.#switchedPorts;
  }

  /** Without a slash at the end, as browsers say it. */
  get origins(): { app: string; main: string; tunnel: string } {
    const { names } = this.box.facts;
    return {
      app: new URL(this.home.appUrl).origin,
      main: `https://${names.main}:${this.ports.web}`,
      tunnel: `https://${names.tunnel}:${this.ports.relay}`,
    };
  }

  async owner(): Promise<FirstPerson> {
    const owner = await this.home.owner;
    if (owner === undefined) throw new Error('this house has no owner');
    return owner;
  }

  /** Somebody with a browser of their own, which knows nothing yet. */
  async person(): Promise<{ context: BrowserContext; page: Page }> {
    if (this.#browser === undefined) throw new Error('the house has no browser yet');
    const context = await this.#browser.newContext({
      locale: 'en-GB',
      viewport: { width: 1280, height: 800 },
    });
    context.setDefaultTimeout(30_000);
    return { context, page: await context.newPage() };
  }

  async close(): Promise<void> {
    const { main, mirrors = [], tunnel } = this.#switchedPorts ?? {};
    const done = await Promise.allSettled([this.#browser?.close(), this.home.stop()]);
    for (const port of [main, ...mirrors, tunnel]) await port?.close();
    rmSync(this.#folder, { recursive: true, force: true });
    for (const end of done) if (end.status === 'rejected') throw end.reason;
  }

  async #openPorts(): Promise<void> {
    const toBox = (): FaultyPort => new FaultyPort(() => this.ports.web);
    const { mirrors } = this.box.facts.names;
    const tunnel = new FaultyPort(() => this.ports.relay);
    this.#switchedPorts = { main: toBox(), mirrors: Object.values(mirrors).map(toBox), tunnel };
    for (const port of [this.#switchedPorts.main, ...this.#switchedPorts.mirrors, tunnel]) await port.open();
  }

  async #launch({ apart = false, trusted = '' }: HouseOptions): Promise<Browser> {
    const person = join(this.#folder, 'person');
    mkdirSync(person);
    trust(person, readFileSync(this.home.caPath, 'utf8') + trusted);
    const { names } = this.box.facts;
    const { main, mirrors, tunnel } = this.switchedPorts;
    const rules = [
      leads(names.main, main),
      ...Object.values(names.mirrors).flatMap((name, index) => {
        const port = mirrors[index];
        return port === undefined ? [] : [leads(name, port)];
      }),
      leads(names.tunnel, tunnel),
      `MAP ${distantApp} 127.0.0.1`,
      'MAP *.localhost 127.0.0.1',
      'MAP localhost 127.0.0.1',
      'MAP 127.0.0.1 127.0.0.1',
      // Nobody else is there.
      'MAP * ~NOTFOUND',
    ];
    const { app, registration } = this.ports;
    const spaces = [
      ...[app, registration, tunnel.port].map((port) => `127.0.0.1:${port}=public`),
      ...[main, ...mirrors].map(({ port }) => `127.0.0.1:${port}=private`),
    ];
    return chromium.launch({
      executablePath: chromiumPath,
      env: { ...process.env, HOME: person },
      args: [
        '--no-sandbox',
        ...quietly,
        `--host-resolver-rules=${rules.join(', ')}`,
        ...(apart ? [`--ip-address-space-overrides=${spaces.join(',')}`] : []),
      ],
    });
  }
}

/** A rule of Chromium's resolver. */
function leads(name: string, port: FaultyPort): string {
  return `MAP ${name} 127.0.0.1:${port.port}`;
}
