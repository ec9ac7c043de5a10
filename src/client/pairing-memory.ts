import type { Runtime } from './runtime.ts';
import type { Store } from './store.ts';

export interface Pairing {
  serverId: string;
  /** A secret: with it anybody is this client. */
  clientId: string;
}

const prefix = 'pairing:';
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const isUuid4 = (value: unknown): value is string => typeof value === 'string' && uuid4.test(value);

/** Which server is known at a place, and who this client is there. Each server has a client id of its own. */
export class PairingMemory {
  readonly #store: Store;
  readonly #key: string;
  readonly #runtime: Runtime;

  constructor(options: { store: Store; place: string; runtime: Runtime }) {
    this.#store = options.store;
    this.#key = prefix + options.place;
    this.#runtime = options.runtime;
  }

  /** What is remembered of this place; of a first server, made now. It may be of another server. */
  async of(serverId: string): Promise<Pairing> {
    return this.#runtime.exclusive(this.#key, async () => (await this.#load()) ?? this.#make(serverId));
  }

  /** From now on it is this server, and for it this client is a new one: the other server's id of it is not told to it. */
  async trust(serverId: string): Promise<void> {
    await this.#runtime.exclusive(this.#key, async () => {
      if ((await this.#load())?.serverId !== serverId) await this.#make(serverId);
    });
  }

  async forget(): Promise<void> {
    await this.#store.remove(this.#key);
  }

  async #make(serverId: string): Promise<Pairing> {
    const pairing = { serverId, clientId: this.#runtime.crypto.randomUUID() };
    await this.#store.save(this.#key, JSON.stringify(pairing));
    return pairing;
  }

  async #load(): Promise<Pairing | undefined> {
    const text = await this.#store.load(this.#key);
    if (text === undefined) return undefined;
    try {
      const { serverId, clientId } = JSON.parse(text) as Record<keyof Pairing, unknown>;
      return isUuid4(serverId) && isUuid4(clientId) ? { serverId, clientId } : undefined;
    } catch {
      return undefined;
    }
  }
}
