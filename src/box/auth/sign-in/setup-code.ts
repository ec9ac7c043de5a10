import { timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../../kit/runtime/errors.ts';
import { readIfThere, writeAtomic } from '../../../kit/store/files.ts';
import type { Log } from '../../../kit/log/log.ts';
import { guessRules, waitAfter } from './guess-limit.ts';
import { newHumanCode, normalHumanCode, secretHash } from '../../sessions/secrets.ts';
import type { AccessStore } from '../../sessions/store.ts';

const rule = guessRules.setup;
const setting = 'setup-failures';

/**
 * The code that proves that somebody holds the box in their hands. Made at the first start, or put there by the image;
 * gone once there is an owner. The number of wrong tries is kept, so that pulling the plug wins no new ones.
 */
export class SetupCode {
  readonly #store: AccessStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #path: string;
  #code: string | undefined;
  #failures = 0;
  /** Of the last wrong try, by the clock that only moves forward: a box learns the time of day late. */
  #failedAt = 0;

  constructor(options: { folder: string; store: AccessStore; clock: Clock; log: Log }) {
    this.#log = options.log;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#path = join(options.folder, 'setup-code');
  }

  /** For `porchlight status`; `undefined` once there is an owner. */
  get value(): string | undefined {
    return this.#code;
  }

  async open(): Promise<void> {
    const kept = (await readIfThere(this.#path))?.trim() ?? '';
    if (normalHumanCode(kept).length >= 8) this.#code = kept;
    else {
      this.#code = newHumanCode(2);
      await writeAtomic(this.#path, `${this.#code}\n`);
    }
    const row = this.#store.get('SELECT value FROM setting WHERE name = :setting', { setting });
    this.#failures = Number(row?.['value'] ?? 0);
    // How long the box was off nobody knows: the wait starts over.
    this.#failedAt = this.#clock.monotonic();
  }

  /** Throws `wrong-setup-code` with the tries left, or `rate-limited` with the wait when there are none for now. */
  check(typed: string): void {
    const wait = this.#failedAt + waitAfter(this.#failures, rule) - this.#clock.monotonic();
    if (wait > 0) throw tooMany(wait);
    if (this.#code !== undefined && same(typed, this.#code)) return;
    this.#failures++;
    this.#failedAt = this.#clock.monotonic();
    const value = String(this.#failures);
    this.#store.run('INSERT OR REPLACE INTO setting VALUES (:setting, :value)', { setting, value });
    const triesLeft = Math.max(0, rule.free - this.#failures);
    const message = `this is not the setup code of this box; \`porchlight status\` on the box prints it (${triesLeft} tries left before a pause)`;
    throw new Problem('wrong-setup-code', message, { status: 401, details: { triesLeft } });
  }

  /** There is an owner. What cannot be removed now is removed at the next start, and opens nothing until then. */
  async remove(): Promise<void> {
    this.#code = undefined;
    try {
      this.#store.run('DELETE FROM setting WHERE name = :setting', { setting });
      await rm(this.#path, { force: true });
    } catch (error) {
      this.#log.warn(
        { code: codeOf(error) },
        `the setup code stays on the disk for now: ${messageOf(error)}`,
      );
    }
  }
}

function same(typed: string, code: string): boolean {
  const [a, b] = [typed, code].map((text) => Buffer.from(secretHash('setup', normalHumanCode(text))));
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function tooMany(waitMs: number): Problem {
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const message = `too many wrong setup codes; try again in ${retryAfterSeconds} seconds`;
  return new Problem('rate-limited', message, { status: 429, retryAfterSeconds });
}
