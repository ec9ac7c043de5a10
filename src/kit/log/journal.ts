import { writeSync } from 'node:fs';

/** Writes a line of the log (JSON) to the journal; `false`: it is not there, and the line has to go elsewhere. */
export type JournalWriter = (line: string) => boolean;

/** What the unit calls the socket in `OpenFile=`. */
const socketName = 'journal';
/** `SD_LISTEN_FDS_START` of sd_listen_fds(3). */
const firstPassed = 3;
/** Names of journal fields are at most 64 characters; a datagram is not without end. */
const longestName = 64;
const longestValue = 32_768;

/**
 * The journal's own socket, where the service manager has passed one (`OpenFile=/run/systemd/journal/socket:journal`,
 * systemd 253 and newer); else `undefined`. Node cannot open datagram sockets of the local kind, but it can write to
 * one that is open: each write is one entry with fields of its own (systemd.io/JOURNAL_NATIVE_PROTOCOL).
 */
export function journalWriter(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): JournalWriter | undefined {
  if (Number(environment['LISTEN_PID']) !== pid) return undefined;
  const index = (environment['LISTEN_FDNAMES'] ?? '').split(':').indexOf(socketName);
  if (index < 0 || index >= Number(environment['LISTEN_FDS'])) return undefined;
  return (line) => {
    try {
      writeSync(firstPassed + index, journalEntry(JSON.parse(line) as Line));
      return true;
    } catch {
      // Nobody reads it, or it is more than a datagram holds.
      return false;
    }
  };
}

interface Line extends Record<string, unknown> {
  level: number;
  time: number;
  part?: string;
  msg?: string;
  err?: { stack?: string };
}

/** syslog's severities (RFC 5424, 6.2.1), by pino's level. */
export function priorityOf(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}

/** The sentence as the message, the part as the identifier, and every field of the line under `PORCHLIGHT_…`. */
export function journalEntry(line: Line): Buffer {
  const { level, time: _, part = 'porchlight', msg = '', ...fields } = line;
  const stack = line.err?.stack;
  const entries: [name: string, value: string][] = [
    ['MESSAGE', stack === undefined ? msg : `${msg}\n${stack}`],
    ['PRIORITY', String(priorityOf(level))],
    ['SYSLOG_IDENTIFIER', part],
    ['PORCHLIGHT_PART', part],
    ...Object.entries(fields).map(([name, value]): [string, string] => [fieldName(name), fieldText(value)]),
  ];
  return Buffer.concat(entries.map(([name, value]) => encoded(name, value.slice(0, longestValue))));
}

/** `boxId` is `PORCHLIGHT_BOX_ID`: the journal takes capitals, digits and underscores alone. */
function fieldName(name: string): string {
  const upper = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  return `PORCHLIGHT_${upper.replaceAll(/[^A-Z0-9]+/g, '_')}`.slice(0, longestName);
}

function fieldText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** A value with a line feed goes with its length in front: 64 bits, little-endian. */
function encoded(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const length = Buffer.alloc(8);
  const bytes = Buffer.from(value);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
