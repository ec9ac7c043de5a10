import type { AccessStore } from './store.ts';

export class Passkeys {
  readonly #store: AccessStore;

  constructor(options: { store: AccessStore }) {
    this.#store = options.store;
  }

  any(): boolean {
    return this.#store.get('SELECT 1 FROM passkey') !== undefined;
  }
}
