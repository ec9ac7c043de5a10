import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import type { UpdateState } from '../../protocol/update-api.ts';
import type { AuditNote } from '../audit-notes.ts';
import type { RaucStatus } from './rauc.ts';
import type { Work } from './update-steps.ts';

export interface UpdateJobsOptions {
  show: (change: Partial<UpdateState>) => void;
  /** After each job: looks at what is the case now. */
  over: () => Promise<void>;
  log: Log;
}

/** One thing is done at a time: who begins something claims the part, and gives it back with `done`. */
export class UpdateJobs {
  readonly #options: UpdateJobsOptions;
  #job: AbortController | undefined;
  #background: Promise<void> = Promise.resolve();

  constructor(options: UpdateJobsOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#job !== undefined;
  }

  /** Throws `not-an-appliance`, `update-busy`, `on-trial`. */
  claim(
    machine: RaucStatus | undefined,
    options: {
      phase: UpdateState['phase'];
      allowDowngrade?: boolean;
      note?: AuditNote | undefined;
      also?: AbortSignal;
    },
  ): Work {
    const { phase, allowDowngrade = false, note, also } = options;
    if (machine === undefined)
      throw refusal('not-an-appliance', 'this box is not an appliance: it is updated as it was installed');
    if (this.busy) throw refusal('update-busy', 'an update is under way; wait until it is done');
    if (phase === 'trial') {
      const message =
        'what runs is still on trial, and the other slot is the way back; try again in a few minutes';
      throw refusal('on-trial', message);
    }
    const job = new AbortController();
    this.#job = job;
    const { show } = this.#options;
    show({ trouble: null });
    const signal = also === undefined ? job.signal : AbortSignal.any([job.signal, also]);
    return { machine, allowDowngrade, note, signal, show };
  }

  /** Waits for `prepare`, which can refuse; what it answers goes on by itself. */
  async begin(prepare: () => Promise<() => Promise<void>>): Promise<void> {
    try {
      const rest = await prepare();
      this.#background = this.#finish(rest());
    } catch (error) {
      await this.done(error);
      throw error;
    }
  }

  /** The job is over; `error` is what the box says of it from now on. */
  async done(error?: unknown): Promise<void> {
    const { show, over } = this.#options;
    const stopped = this.#job?.signal.aborted === true;
    this.#job = undefined;
    if (stopped) return;
    show({
      progress: null,
      ...(error === undefined
        ? {}
        : { phase: 'failed', trouble: { code: codeOf(error), message: messageOf(error) } }),
    });
    await over();
  }

  async stop(): Promise<void> {
    this.#job?.abort();
    await this.#background;
  }

  async #finish(rest: Promise<void>): Promise<void> {
    try {
      await rest;
      await this.done();
    } catch (error) {
      this.#options.log.warn({ code: codeOf(error) }, `update: ${messageOf(error)}`);
      await this.done(error);
    }
  }
}

const refusal = (code: string, message: string): Problem => new Problem(code, message, { status: 409 });
