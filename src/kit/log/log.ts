import { type DestinationStream, type Logger, pino } from 'pino';
import { type JournalWriter, priorityOf } from './journal.ts';
import { redacted, scrubbed } from './redact.ts';
import { repeatsOutage } from '../disk/told.ts';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Puts the priority in front of each line of JSON, as journald understands it (sd-daemon(3)). */
function journalStream(write: (text: string) => void, journal?: JournalWriter): DestinationStream {
  return {
    write: (line) => {
      if (journal?.(line) === true) return;
      write(`<${priorityOf(Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30))}>${line}`);
    },
  };
}

const debug = 20;

const colours: Record<number, string> = {
  20: '\u001B[2m',
  40: '\u001B[33m',
  50: '\u001B[31m',
  60: '\u001B[31;1m',
};

interface Line {
  level: number;
  time: number;
  part?: string;
  msg?: string;
  err?: { stack?: string };
}

/** One line a message for a person at a terminal: time, part, sentence. */
function terminalStream(write: (text: string) => void, coloured: boolean): DestinationStream {
  return {
    write: (line) => {
      const { time, level, part = '', msg = '', err } = JSON.parse(line) as Line;
      const stamp = new Date(time).toISOString().slice(11, 23);
      const stack = err?.stack === undefined ? '' : `\n${err.stack}`;
      const text = `${stamp} ${part.padEnd(12)} ${msg}${stack}`;
      const colour = coloured ? colours[level] : undefined;
      write(colour === undefined ? `${text}\n` : `${colour}${text}\u001B[0m\n`);
    },
  };
}

/** `format`: `journal` (entries, else JSON behind a priority), `json`, or `terminal`. Secrets are redacted before any. */
export function createLog(options: {
  level: LogLevel;
  format: 'journal' | 'json' | 'terminal';
  write?: (text: string) => void;
  /** For the format `journal`; what it does not take goes to `write`. */
  journal?: JournalWriter | undefined;
  /** For the format `terminal`: warnings and errors stand out. Default true. */
  coloured?: boolean;
  /** Is given every line too, as JSON, without its secrets. */
  also?: (line: string) => void;
}): Log {
  const write = options.write ?? ((text: string): void => void process.stdout.write(text));
  const { coloured = true } = options;
  const streams = {
    journal: () => journalStream(write, options.journal),
    json: () => ({ write }),
    terminal: () => terminalStream(write, coloured),
  };
  return pino(
    {
      level: options.level,
      base: null,
      formatters: { log: (fields) => redacted(fields) as Record<string, unknown> },
      // Errors are copied by `redacted` already.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, method, level) {
          // Every write that fails while the disk takes none; the outage has its line.
          if (level > debug && repeatsOutage(args[0])) this.debug(...args);
          else method.apply(this, args);
        },
        streamWrite: (line) => {
          const clean = scrubbed(line);
          options.also?.(clean);
          return clean;
        },
      },
    },
    streams[options.format](),
  );
}

export const silentLog: Log = pino({ level: 'silent' });
