import type { Endpoints } from '../protocol/access-api.ts';
import { type BoxId, isBoxId } from '../protocol/constants.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import type { Store } from './store.ts';
import { parseEndpointsOf } from './endpoints.ts';

/** A box this app has been let in to. */
export interface RememberedBox {
  id: BoxId;
  name: string;
  /** As which app it let us in. */
  clientId: string;
  ways: Endpoints;
  /** It was last reached through the tunnel. */
  outside: boolean;
  /** `null` once the session is over: the box is still known, and `connect` lets in again. */
  tokens: Tokens | null;
}

export interface Tokens {
  access: string;
  /** ms since the epoch. */
  accessEndsAt: number;
  refresh: string;
}

const prefix = 'box:';

/** The boxes in a store. What is read back is checked: other scripts of the page's origin can write there too. */
export class RememberedBoxes {
  readonly #store: Store;
  readonly #runtime: Runtime;

  constructor(store: Store, runtime?: Partial<Runtime>) {
    this.#store = store;
    this.#runtime = runtimeFrom(runtime);
  }

  async list(): Promise<RememberedBox[]> {
    const keys = await this.#store.keys();
    const boxes = await Promise.all(
      keys.filter((key) => key.startsWith(prefix)).map((key) => this.get(key.slice(prefix.length))),
    );
    return boxes
      .filter((box) => box !== undefined)
      .toSorted((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1));
  }

  async get(id: BoxId): Promise<RememberedBox | undefined> {
    const text = await this.#store.load(prefix + id);
    return text === undefined ? undefined : boxIn(text, id);
  }

  async put(box: RememberedBox): Promise<void> {
    await this.#runtime.exclusive(prefix + box.id, () => this.#save(box));
  }

  /** Changes what is remembered of one box; changes take turns, in all tabs. A box that was forgotten stays forgotten. */
  async change(id: BoxId, change: (box: RememberedBox) => RememberedBox): Promise<void> {
    await this.#runtime.exclusive(prefix + id, async () => {
      const box = await this.get(id);
      if (box !== undefined) await this.#save(change(box));
    });
  }

  async forget(id: BoxId): Promise<void> {
    await this.#runtime.exclusive(prefix + id, () => this.#store.remove(prefix + id));
  }

  async #save(box: RememberedBox): Promise<void> {
    await this.#store.save(prefix + box.id, JSON.stringify(box));
  }
}

function boxIn(text: string, id: BoxId): RememberedBox | undefined {
  try {
    const box = JSON.parse(text) as Record<keyof RememberedBox, unknown>;
    const ways = parseEndpointsOf(box.ways, id);
    if (box.id !== id || !isBoxId(id) || ways === undefined) return undefined;
    return {
      id,
      name: String(box.name),
      clientId: String(box.clientId),
      ways,
      outside: box.outside === true,
      tokens: tokensIn(box.tokens),
    };
  } catch {
    return undefined;
  }
}

function tokensIn(value: unknown): Tokens | null {
  const { access, accessEndsAt, refresh } = (value ?? {}) as Record<keyof Tokens, unknown>;
  return typeof access === 'string' && typeof accessEndsAt === 'number' && typeof refresh === 'string'
    ? { access, accessEndsAt, refresh }
    : null;
}
