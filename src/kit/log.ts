import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Names of fields that never reach the log, at any depth pino can address; a test feeds secrets through every one. */
const secretFields = [
  'password', 'passphrase', 'secret', 'token', 'accessToken', 'refreshToken', 'access_token', 'refresh_token',
  'code', 'otp', 'setupCode', 'recoveryCode', 'privateKey', 'privateKeyPem', 'keyPem', 'authorization', 'cookie',
  'set-cookie', 'client_secret', 'code_verifier', 'hmac',
] as const; // prettier-ignore

// `code` is also how every error names itself; only inside bodies and queries is it an OAuth code.
const anywhere = secretFields.filter((field) => field !== 'code');
const redactPaths = [
  ...anywhere.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`]),
  ...['body', 'query', 'req.query', 'req.body'].map((place) => `${place}.code`),
];

/** syslog priorities as journald understands them at the start of a line (sd-daemon(3)). */
const priorities: readonly [number, string][] = [[60, '<2>'], [50, '<3>'], [40, '<4>'], [30, '<6>'], [0, '<7>']]; // prettier-ignore

function priorityOf(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30);
  return priorities.find(([from]) => level >= from)?.[1] ?? '<6>';
}

/** Puts journald's priority in front of each line of JSON. */
export function journalStream(write: (text: string) => void): DestinationStream {
  return { write: (line) => write(priorityOf(line) + line) };
}

const colours: Record<string, string> = { 20: '\u001B[2m', 30: '', 40: '\u001B[33m', 50: '\u001B[31m', 60: '\u001B[31;1m' };

/** One line a message for a person at a terminal: time, part, sentence. */
export function terminalStream(write: (text: string) => void): DestinationStream {
  return {
    write: (line) => {
      const { time, level, part, msg, err } = JSON.parse(line) as Record<string, unknown> & { err?: { stack?: string } };
      const stamp = new Date(Number(time)).toISOString().slice(11, 23);
      const colour = colours[String(level)] ?? '';
      const stack = err?.stack === undefined ? '' : `\n${err.stack}`;
      write(`${colour}${stamp} ${String(part ?? '').padEnd(12)} ${String(msg)}${stack}\u001B[0m\n`);
    },
  };
}

/** `format`: `journal` (JSON behind a priority), `json`, or `terminal`. Secrets are redacted before any of them. */
export function createLog(options: {
  level: LogLevel;
  format: 'journal' | 'json' | 'terminal';
  write?: (text: string) => void;
}): Log {
  const write = options.write ?? ((text: string): void => void process.stdout.write(text));
  const streams = { journal: journalStream, json: () => ({ write }), terminal: terminalStream };
  return pino(
    { level: options.level, base: null, redact: { paths: redactPaths, censor: '[redacted]' } },
    streams[options.format](write),
  );
}

export const silentLog: Log = pino({ level: 'silent' });
