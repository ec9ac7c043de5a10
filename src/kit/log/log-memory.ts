import { type Clock, systemClock } from '../runtime/clock.ts';

export type LoggedLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A line of the log as it is shown to people. `time`: ms since the epoch. */
export interface LoggedLine {
  seq: number;
  time: number;
  level: LoggedLevel;
  part: string;
  message: string;
}

const levels: readonly LoggedLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/**
 * The last lines of the log, for those who look at it in a page. `add` is `createLog`'s `also`. Lines are counted from the
 * time of the start on, so that a page which was open before a restart is told those of after it.
 */
export class LogMemory {
  readonly #capacity: number;
  readonly #lines: LoggedLine[] = [];
  #seq: number;

  constructor(options: { capacity: number; clock?: Pick<Clock, 'now'> }) {
    const { capacity, clock = systemClock } = options;
    this.#capacity = capacity;
    this.#seq = Math.floor(clock.now());
  }

  add(line: string): void {
    const { level, time, part, msg } = JSON.parse(line) as Record<string, unknown>;
    this.#lines.push({
      seq: ++this.#seq,
      time: Number(time),
      // pino's numbers: 10 for trace, 60 for fatal.
      level: levels[Math.floor(Number(level) / 10) - 1] ?? 'info',
      part: typeof part === 'string' ? part : '',
      message: typeof msg === 'string' ? msg : '',
    });
    if (this.#lines.length > this.#capacity) this.#lines.shift();
  }

  /** The lines younger than `after`, of `level` and above, oldest first; the youngest `most` of them. */
  read(query: { after: number; level: LoggedLevel; most?: number }): LoggedLine[] {
    const from = levels.indexOf(query.level);
    // A number that is still to come is of before a restart, and the clock was set back: none of these is known there.
    const after = query.after > this.#seq ? 0 : query.after;
    const found = this.#lines.filter((line) => line.seq > after && levels.indexOf(line.level) >= from);
    return found.slice(-(query.most ?? 500));
  }
}
