import { type FSWatcher, watch } from 'node:fs';
import type { PairedBoxes } from '../../agent/paired-box.ts';
import { privateFolder } from '../../kit/store/files.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { PairedAccount, type PairedAccountOptions } from './paired-account.ts';

export interface AccountsOptions extends Omit<PairedAccountOptions, 'box'> {
  /** Where `store` keeps its files: another `porchlight agent` may change them. */
  folder: string;
}

/** The boxes in the store that have a session for this agent, each with an open connection. */
export class Accounts implements PairedBoxes, Service {
  readonly name = 'accounts';
  readonly #options: AccountsOptions;
  readonly #accounts = new Map<string, PairedAccount>();
  #watcher: FSWatcher | undefined;
  #syncing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  all(): readonly PairedAccount[] {
    return [...this.#accounts.values()].filter(({ isOver }) => !isOver);
  }

  async start(): Promise<void> {
    const { folder } = this.#options;
    await privateFolder(folder);
    this.#watcher = watch(folder, () => void this.#sync());
    // Without it, a new pairing is seen at the next start.
    this.#watcher.on('error', () => undefined);
    await this.#sync();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    await this.#syncing;
    await Promise.all([...this.#accounts.values()].map((account) => account.close()));
    this.#accounts.clear();
  }

  /** Compares the store with what is open, and closes the difference. One at a time. */
  #sync(): Promise<void> {
    const { log } = this.#options;
    this.#syncing = this.#syncing
      .then(() => (this.#stopped ? undefined : this.#round()))
      .catch((error: unknown) => log.error({ err: error }, 'the boxes in the store cannot be read'));
    return this.#syncing;
  }

  async #round(): Promise<void> {
    const { boxes, log } = this.#options;
    const wanted = (await boxes.list()).filter(({ tokens }) => tokens !== null);
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, account] of this.#accounts) {
      if (ids.has(id) && !account.isOver) continue;
      this.#accounts.delete(id);
      await account.close();
      log.info(`${account.name}: the session is over`);
    }
    for (const box of wanted) {
      if (this.#accounts.has(box.id)) continue;
      const account = new PairedAccount({ ...this.#options, box });
      this.#accounts.set(box.id, account);
      await account.start(() => void this.#sync());
      log.info(`${box.name}: signed in`);
    }
  }
}
