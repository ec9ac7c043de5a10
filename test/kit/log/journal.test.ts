import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { journalEntry, journalWriter } from '../../../src/kit/log/journal.ts';
import { createLog } from '../../../src/kit/log/log.ts';

/** Reads what systemd.io/JOURNAL_NATIVE_PROTOCOL says a datagram is. */
function fieldsOf(entry: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < entry.length;) {
    const end = entry.indexOf('\n', at);
    const line = entry.toString('utf8', at, end);
    const equals = line.indexOf('=');
    if (equals >= 0) {
      fields.set(line.slice(0, equals), line.slice(equals + 1));
      at = end + 1;
    } else {
      const length = Number(entry.readBigUInt64LE(end + 1));
      fields.set(line, entry.toString('utf8', end + 9, end + 9 + length));
      at = end + 9 + length + 1;
    }
  }
  return fields;
}

describe('an entry of the journal', () => {
  it('has the sentence, the part as identifier, and every field under a name of its own', () => {
    const entry = journalEntry({
      level: 40,
      time: 1,
      part: 'tunnel',
      boxId: 'abc',
      msg: 'lost',
      code: 'unreachable',
      'odd-näme': [1],
    });
    expect(Object.fromEntries(fieldsOf(entry))).toEqual({
      MESSAGE: 'lost',
      PRIORITY: '4',
      SYSLOG_IDENTIFIER: 'tunnel',
      PORCHLIGHT_PART: 'tunnel',
      PORCHLIGHT_BOX_ID: 'abc',
      PORCHLIGHT_CODE: 'unreachable',
      PORCHLIGHT_ODD_N_ME: '[1]',
    });
  });

  it('holds any text, and lets none become a field', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (msg, value) => {
        const fields = fieldsOf(journalEntry({ level: 30, time: 1, msg, value }));
        expect([...fields.keys()]).toEqual([
          'MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', 'PORCHLIGHT_PART', 'PORCHLIGHT_VALUE',
        ]); // prettier-ignore
        expect(fields.get('MESSAGE')).toBe(Buffer.from(msg).toString());
      }),
    );
  });

  it('of an error has its stack below the sentence', () => {
    const entries: Map<string, string>[] = [];
    const journal = (line: string): boolean => {
      entries.push(fieldsOf(journalEntry(JSON.parse(line) as Parameters<typeof journalEntry>[0])));
      return true;
    };
    createLog({ level: 'info', format: 'journal', journal }).error(new Error('odd'));
    expect(entries[0]?.get('MESSAGE')).toMatch(/^odd\nError: odd\n.*journal\.test\.ts/s);
    expect(entries[0]?.get('PRIORITY')).toBe('3');
  });
});

describe('the socket of the journal', () => {
  it('is taken from the service manager, for this process alone, by its name', () => {
    const passed = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'other:journal' };
    expect(journalWriter(passed, 7)).toBeDefined();
    expect(journalWriter(passed, 8)).toBeUndefined();
    expect(journalWriter({ ...passed, LISTEN_FDS: '1' }, 7)).toBeUndefined();
    expect(journalWriter({ ...passed, LISTEN_FDNAMES: 'other' }, 7)).toBeUndefined();
    expect(journalWriter({}, 7)).toBeUndefined();
  });

  it('that does not take a line leaves it to the output, with its priority', () => {
    const written: string[] = [];
    const log = createLog({
      level: 'info',
      format: 'journal',
      journal: () => false,
      write: (text) => written.push(text),
    });
    log.warn('look');
    expect(written.join('')).toMatch(/^<4>\{"level":40,.*"msg":"look"\}\n$/);
  });
});
