import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import type { FakeBox } from './fake-box.ts';
import { Stand } from './stand.ts';

export const inTunnel = 'Through the tunnel, encrypted all the way to the box';

/** A person at a browser: a new one for each test of a file. What the page complains of fails the test. */
export class Visitor {
  readonly #folder = temporaryFolder();
  readonly #complaints: string[] = [];
  #stand: Stand | undefined;
  #page: Page | undefined;

  /** Call within `describe`. */
  constructor() {
    beforeAll(() => this.#arrive(), 60_000);
    beforeEach(() => this.#startingOver());
    afterEach(() => {
      const complaints = this.#complaints.splice(0);
      if (complaints.length > 0) throw new Error(`the page complained: ${complaints.join('; ')}`);
    });
    afterAll(() => this.#stand?.close());
  }

  get stand(): Stand {
    if (this.#stand === undefined) throw new Error('the stand is not open yet');
    return this.#stand;
  }

  get page(): Page {
    if (this.#page === undefined) throw new Error('the browser is not open yet');
    return this.#page;
  }

  get context(): BrowserContext {
    return this.page.context();
  }

  /** A box that the registration-server lists, as it is when `tell` is called. */
  async box(name: string, change: Partial<FakeBox> = {}): Promise<FakeBox> {
    const box = Object.assign(await this.stand.box(name), change);
    this.list(box);
    return box;
  }

  list(...boxes: FakeBox[]): void {
    this.stand.registration.answer = { body: boxes.map((box) => box.entry()) };
  }

  async start(path = '/'): Promise<void> {
    await this.page.goto(this.stand.appOrigin + path);
  }

  async sees(words: string | RegExp): Promise<void> {
    await this.page.getByText(words).first().waitFor();
  }

  async press(name: string | RegExp): Promise<void> {
    // Of buttons that send the window away, Playwright would otherwise wait for where it goes.
    await this.page.getByRole('button', { name, exact: true }).first().click({ noWaitAfter: true });
  }

  async connectTo(name: string): Promise<void> {
    await this.press(new RegExp(`^Connect to ${name}, `));
  }

  /** Is let in to a box that is new to this browser. */
  async connected(name: string): Promise<FakeBox> {
    const box = await this.box(name);
    await this.start('/#/find');
    await this.connectTo(name);
    await this.sees('Everything works.');
    return box;
  }

  /** What this browser keeps, as text. */
  kept(): Promise<string> {
    return this.page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  }

  async #arrive(): Promise<void> {
    this.#stand = await Stand.start(this.#folder);
    const context = await this.#stand.browser();
    this.#page = context.pages()[0] ?? (await context.newPage());
    this.#page.on('pageerror', (error) => this.#complaints.push(String(error)));
    this.#page.on('console', (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) this.#complaints.push(message.text());
    });
  }

  async #startingOver(): Promise<void> {
    const { registration } = this.stand;
    registration.answer = { body: [] };
    registration.shared = false;
    registration.codes.length = 0;
    await this.start('/config.json');
    await this.page.evaluate(() => (localStorage.clear(), sessionStorage.clear()));
  }
}
