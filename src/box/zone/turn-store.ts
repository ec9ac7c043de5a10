import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf } from '../../kit/runtime/errors.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Log } from '../../kit/log/log.ts';
import { mirrorLabelPattern } from '../../protocol/names.ts';
import { firstTurn, type MirrorTurn } from './zone-policy.ts';

const StoredTurn = Type.Object({
  order: Type.Array(Type.String({ pattern: mirrorLabelPattern }), { maxItems: 26 }),
  addresses: Type.Array(Type.String(), { maxItems: 16 }),
});

/**
 * Keeps the mirrors' turn in `<stateFolder>/mirrors.json`. It is no secret and no treasure: damage costs at worst that
 * the next address change prefers a mirror some cache still holds, so that it is a warning and a fresh start.
 */
export class TurnStore {
  readonly #path: string;
  readonly #log: Log;
  #saved: MirrorTurn | undefined;

  constructor(options: { stateFolder: string; log: Log }) {
    this.#path = join(options.stateFolder, 'mirrors.json');
    this.#log = options.log;
  }

  async load(): Promise<MirrorTurn> {
    try {
      const text = await readIfThere(this.#path);
      if (text === undefined) return firstTurn;
      const stored: unknown = JSON.parse(text);
      if (Value.Check(StoredTurn, stored)) return (this.#saved = stored);
      throw new Error('not of the expected shape');
    } catch (error) {
      this.#log.warn(`${this.#path} is damaged (${messageOf(error)}); starting over with the mirrors' order`);
      return firstTurn;
    }
  }

  /** Does nothing when `turn` is what was saved last. Throws `storage-failed`. */
  async save(turn: MirrorTurn): Promise<void> {
    if (isDeepStrictEqual(turn, this.#saved)) return;
    await privateFolder(dirname(this.#path));
    await writeAtomic(this.#path, `${JSON.stringify({ order: turn.order, addresses: turn.addresses })}\n`);
    this.#saved = turn;
  }
}
