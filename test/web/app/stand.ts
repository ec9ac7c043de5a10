import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { AppServer } from '../../../src/cloud/app-server/app-server.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { buildPages } from '../../../src/web/build.ts';
import { FakeBox, zoneRoot } from './fake-box.ts';
import { FakeRegistration } from './fake-cloud.ts';

const executablePath = '/usr/bin/chromium';
/** Why there is nothing to run these tests in; `undefined` when there is. */
export const withoutBrowser = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}: apt-get install chromium`;

/** The built app on its server, a cloud and boxes that say what a test wants, and browsers that believe all are far apart. */
export class Stand {
  readonly registration: FakeRegistration;
  readonly #tls: { keyPem: string; certPem: string };
  readonly #app: AppServer;
  readonly #boxes: FakeBox[] = [];
  readonly #contexts: BrowserContext[] = [];
  readonly #folder: string;

  private constructor(given: { folder: string; tls: { keyPem: string; certPem: string } }) {
    this.#folder = given.folder;
    this.#tls = given.tls;
    this.registration = new FakeRegistration(given.tls);
    this.#app = this.#appServer();
  }

  /** `folder`: a temporary one. */
  static async start(folder: string): Promise<Stand> {
    const ca = await createTestCa();
    const tls = await ca.issue(['*.porchlight.test']);
    mkdirSync(join(folder, 'web/console'), { recursive: true });
    await buildPages({ outDir: join(folder, 'web'), only: 'app' });
    const stand = new Stand({ folder, tls });
    await stand.registration.start();
    await stand.#app.start();
    return stand;
  }

  get appOrigin(): string {
    return `https://app.porchlight.test:${this.#app.port}`;
  }

  get appPort(): number {
    return this.#app.port;
  }

  async box(name: string): Promise<FakeBox> {
    const box = new FakeBox({ name, registration: this.registration, tls: this.#tls });
    this.#boxes.push(box);
    return box.start();
  }

  /** A new person with a browser of their own. */
  async browser(
    options: { args?: string[] } & Parameters<typeof chromium.launchPersistentContext>[1] = {},
  ): Promise<BrowserContext> {
    const { args = [], ...more } = options;
    const context = await chromium.launchPersistentContext(mkdtempSync(join(this.#folder, 'browser-')), {
      executablePath,
      headless: true,
      ignoreHTTPSErrors: true,
      locale: 'en-GB',
      ...more,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--ignore-certificate-errors',
        // Names that are not there are not to be asked for anywhere else.
        '--host-resolver-rules=MAP *.porchlight.test 127.0.0.1, MAP *.local 127.0.0.1, MAP * ~NOTFOUND',
        ...args,
      ],
    });
    context.setDefaultTimeout(30_000);
    this.#contexts.push(context);
    return context;
  }

  async open(context: BrowserContext, path = '/'): Promise<Page> {
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(this.appOrigin + path);
    return page;
  }

  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close().catch(() => undefined);
    for (const box of this.#boxes) await box.close();
    await this.registration.close();
    await this.#app.stop();
  }

  #appServer(): AppServer {
    const { registration } = this;
    return new AppServer({
      host: '127.0.0.1',
      port: 0,
      tls: this.#tls,
      folder: join(this.#folder, 'web/app'),
      get registrationOrigin() {
        return `https://registration.porchlight.test:${registration.port}`;
      },
      zoneRoot,
      log: silentLog,
      health: new Health(systemClock),
    });
  }
}
