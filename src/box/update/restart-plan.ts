import { type Clock, hours, likelyNow } from '../../kit/runtime/clock.ts';
import { type RestartHours, restartDelayMs } from './update-policy.ts';

/** When the box restarts by itself into what was written: at its own moment (`share`, in [0, 1)) within the hours. */
export class RestartPlan {
  readonly #options: { hours: RestartHours | undefined; share: number; clock: Clock };
  #dueAt: number | undefined;
  /** For people, by the wall clock; `null` while there is nothing to restart for. */
  at: number | null = null;

  constructor(options: { hours: RestartHours | undefined; share: number; clock: Clock }) {
    this.#options = options;
  }

  /** A plan stays as it was made, whatever the wall clock does then. */
  want(wanted: boolean): void {
    if (!wanted) {
      this.#dueAt = undefined;
      this.at = null;
    } else if (this.#dueAt === undefined) {
      const { hours: allowed, share, clock } = this.#options;
      const local = new Date(likelyNow(clock));
      const delayMs = restartDelayMs(local.getHours() * 60 + local.getMinutes(), allowed, share);
      this.#dueAt = clock.monotonic() + delayMs;
      this.at = Math.round(clock.now() + delayMs);
    }
  }

  /** How long until then; `undefined` when nothing is planned. */
  get leftMs(): number | undefined {
    return this.#dueAt === undefined ? undefined : Math.max(0, this.#dueAt - this.#options.clock.monotonic());
  }

  /** It was asked for; if nobody heard it, it is asked for again. */
  asked(): void {
    this.#dueAt = this.#options.clock.monotonic() + hours(1);
  }
}
