import type { Clock } from '../../kit/runtime/clock.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Log } from '../../kit/log/log.ts';
import type { UpdateState } from '../../protocol/update-api.ts';
import { type AuditNote, withNote } from '../audit-notes.ts';
import type { RaucStatus } from './rauc.ts';
import type { TrialMarks } from './trial-marks.ts';
import { fateOf, type Setbacks } from './update-policy.ts';
import { type Attempt, noRecord, type UpdateMemory, type UpdateRecord } from './update-record.ts';
import { compareVersions } from './versions.ts';

export interface HistoryOptions {
  memory: UpdateMemory;
  marks: TrialMarks;
  /** The version that runs. */
  version: string;
  /** The release on trial has been found good. */
  onKept: () => Promise<void>;
  clock: Clock;
  log: Log;
}

/** What the box has tried, and what became of it: seen from what runs and what is started next, at any time, after any end. */
export class UpdateHistory {
  readonly #options: HistoryOptions;
  readonly #notes = new OwnedFact<readonly AuditNote[]>([]);
  #record: UpdateRecord = noRecord;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#record = (await this.#options.memory.record()) ?? noRecord;
    this.#notes.set(this.#record.notes ?? []);
  }

  get attempt(): Attempt | null {
    return this.#record.attempt;
  }

  get setbacks(): Setbacks {
    return this.#record.setbacks;
  }

  /** The last release that was rolled back, unless what runs is younger. */
  get takenBack(): UpdateState['takenBack'] {
    const [last] = Object.entries(this.#record.setbacks).toSorted(([, a], [, b]) => b.at - a.at);
    return last === undefined ? null : { version: last[0], reason: last[1].reason, at: last[1].at };
  }

  /** The events of what people began, for the audit log. */
  get notes(): Fact<readonly AuditNote[]> {
    return this.#notes;
  }

  /** Before the first byte is written to the slot; with `note`, its event, when a person asked for it. */
  async begin(attempt: Omit<Attempt, 'installed' | 'at'>, note?: AuditNote): Promise<void> {
    const { clock } = this.#options;
    const notes = withNote(this.#record.notes ?? [], note && { ...note, what: attempt.version });
    await this.#keep({ ...this.#record, attempt: { ...attempt, installed: false, at: clock.now() }, notes });
  }

  /** Compares what was tried with what is; answers the slot that has yet to prove itself. */
  async review(status: RaucStatus): Promise<string | undefined> {
    const { marks } = this.#options;
    const { booted, next } = status;
    const onTrial = await marks.onTrial();
    const { attempt } = this.#record;
    if (attempt !== null) await this.#settle(attempt, fateOf(attempt, { booted, next, onTrial }));
    return onTrial;
  }

  async #settle(attempt: Attempt, fate: ReturnType<typeof fateOf>): Promise<void> {
    const { version, onKept, log } = this.#options;
    const { setbacks } = this.#record;
    if (fate === 'waiting' || fate === 'trial') {
      if (!attempt.installed) await this.#keep({ setbacks, attempt: { ...attempt, installed: true } });
    } else if (fate === 'kept') {
      log.info(`version ${attempt.version} is found healthy and stays`);
      await onKept();
      const open = Object.entries(setbacks).filter(([tried]) => compareVersions(tried, version) > 0);
      await this.#keep({ attempt: null, setbacks: Object.fromEntries(open) });
    } else if (fate === 'rolled-back') {
      await this.#setBack(attempt);
    } else {
      await this.#keep({ setbacks, attempt: null });
    }
  }

  async #setBack({ version, slot }: Attempt): Promise<void> {
    const { marks, clock, log } = this.#options;
    const { setbacks } = this.#record;
    const verdict = await marks.verdict();
    const said = verdict?.slot === slot && !verdict.good ? verdict.reason : undefined;
    const reason = said ?? 'it did not start, or ended before it was found healthy';
    log.warn(`version ${version} was rolled back: ${reason}`);
    const times = (setbacks[version]?.times ?? 0) + 1;
    await this.#keep({
      attempt: null,
      setbacks: { ...setbacks, [version]: { times, at: clock.now(), reason } },
    });
  }

  /** The events stay, whatever becomes of the attempt. */
  async #keep({ notes = this.#record.notes ?? [], ...record }: UpdateRecord): Promise<void> {
    const next = { ...record, notes };
    await this.#options.memory.writeRecord(next);
    this.#record = next;
    this.#notes.set(notes);
  }
}
