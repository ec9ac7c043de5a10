import { dirname } from 'node:path';
import { Problem } from '../../kit/runtime/errors.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { LocalBox } from './find.ts';
import { identityChanged, PinnedBox } from './pinned-fetch.ts';

/** Who answered at a `.local` name when it was first used. */
export interface Pin {
  fingerprint: string;
  name: string;
  /** First use, ms since the epoch. */
  since: number;
}

/** `new`: nobody was ever seen under this name. */
type Trust = 'new' | 'known' | 'changed';

/** The identities of boxes that were used from this computer, in one file of its person's. */
export class Pins {
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** Trust on first use, by `.local` name: that is what a person opens. */
  async trust({ host, fingerprint }: LocalBox): Promise<Trust> {
    const pin = (await this.#read()).get(host);
    if (pin === undefined) return 'new';
    return pin.fingerprint === fingerprint ? 'known' : 'changed';
  }

  /**
   * A box to talk to, with its identity pinned: on first use when it has proven that it holds it, later to what it was then.
   * Throws `identity-changed`, and what the connection fails with.
   */
  async open(box: LocalBox, now: number): Promise<PinnedBox> {
    const pin = (await this.#read()).get(box.host);
    if (pin !== undefined && pin.fingerprint !== box.fingerprint)
      throw identityChanged(box.host, pin.fingerprint, box.fingerprint);
    const pinned = new PinnedBox(box);
    if (pin !== undefined) return pinned;
    try {
      const proof = await pinned.fetch('/ping', { signal: AbortSignal.timeout(5000) });
      await proof.body?.cancel();
      const { name, fingerprint } = box;
      await this.#change((pins) => pins.set(box.host, { fingerprint, name, since: now }));
      return pinned;
    } catch (error) {
      await pinned.close();
      throw error;
    }
  }

  /** The next box under this name is trusted as if it were the first. Answers whether there was a pin. */
  async forget(host: string): Promise<boolean> {
    let was = false;
    await this.#change((pins) => (was = pins.delete(host)));
    return was;
  }

  async #read(): Promise<Map<string, Pin>> {
    const text = await readIfThere(this.#file);
    if (text === undefined) return new Map();
    const pins = pinsIn(text);
    if (pins !== undefined) return pins;
    // Not replaced in silence: every identity would be a first one again.
    throw new Problem(
      'pins-damaged',
      `${this.#file} is damaged: boxes cannot be told from pretenders. Restore it, or remove it to trust all boxes again`,
      { retryable: false, details: { file: this.#file } },
    );
  }

  /** Changes take turns. */
  #change(change: (pins: Map<string, Pin>) => unknown): Promise<void> {
    const run = async (): Promise<void> => {
      const pins = await this.#read();
      change(pins);
      await privateFolder(dirname(this.#file));
      await writeAtomic(this.#file, `${JSON.stringify(Object.fromEntries(pins), null, 2)}\n`);
    };
    this.#last = this.#last.then(run, run);
    return this.#last;
  }
}

function pinsIn(text: string): Map<string, Pin> | undefined {
  try {
    const pins = Object.entries(JSON.parse(text) as Record<string, Pin>);
    return pins.every(([, { fingerprint }]) => /^[0-9a-f]{64}$/.test(fingerprint))
      ? new Map(pins)
      : undefined;
  } catch {
    return undefined;
  }
}
