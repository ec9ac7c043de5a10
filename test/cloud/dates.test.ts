import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { zoneDates, ZoneStore } from '../../src/cloud/dns-server/store.ts';
import { emptyZone } from '../../src/cloud/dns-server/zone-content.ts';
import { recordDates, RecordStore } from '../../src/cloud/registration-server/store.ts';
import { days, hours } from '../../src/kit/runtime/clock.ts';
import type { DatedTables } from '../../src/kit/trusted-time/redate.ts';
import { temporaryFolder } from '../support/folder.ts';

const folder = temporaryFolder();
const since = Date.UTC(2026, 0, 1);
const correction = { id: 'doubt', since, until: since + hours(2), step: days(150) };

/** Columns that can hold a date, as `table.column`. */
function columnsOf(path: string): string[] {
  const database = new DatabaseSync(path);
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const found = tables.flatMap(({ name }) =>
    database
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(String(name))
      .map(({ name: column }) => `${String(name)}.${String(column)}`)
      .filter((column) => /(_at|until|since)$/.test(column)),
  );
  database.close();
  return found.toSorted();
}

const anyZone = (): typeof emptyZone => emptyZone;

const named = (tables: DatedTables): string[] =>
  Object.entries(tables)
    .flatMap(([table, columns]) => columns.map(({ column }) => `${table}.${column}`))
    .toSorted();

describe('zones that were made while the clock of the dns-server was in doubt', () => {
  it('do not age by the step when the time is known, nor twice', async () => {
    const own = join(folder, 'zones');
    const store = new ZoneStore(own);
    await store.open();
    store.change('made-before', anyZone, { client: 'a', now: since - days(20) });
    store.change('made-meanwhile', anyZone, { client: 'a', now: since + hours(1) });
    const aged = (now: number): string[] => store.aged({ idle: now - days(60), fresh: 0, settled: 0 });
    const now = since + hours(1) + days(150);
    expect(aged(now).toSorted()).toEqual(['made-before', 'made-meanwhile']);
    store.redate([correction]);
    store.redate([correction]);
    expect(aged(now)).toEqual(['made-before']);
    expect(aged(now + days(61)).toSorted()).toEqual(['made-before', 'made-meanwhile']);
    store.close();
    expect(named(zoneDates), 'a new date belongs into the list').toEqual(
      columnsOf(join(own, 'zones.sqlite')),
    );
  });
});

describe('announcements that were made while the clock of the registration-server was in doubt', () => {
  it('are as young as they were when the time is known', async () => {
    const own = join(folder, 'registration');
    await mkdir(own);
    const store = RecordStore.open(own);
    await store.put({
      client: 'a'.repeat(52),
      family: 4,
      publicIp: '192.0.2.1',
      home: '192.0.2.1',
      shortCode: '1234',
      discoverable: false,
      message: '{}',
      announcedAt: since + hours(1),
      knownSince: since + hours(1),
    });
    store.redate([correction]);
    store.redate([correction]);
    const end = since + hours(1) + correction.step;
    await store.sweep(end - 1, new AbortController().signal);
    expect(store.figures.records).toBe(1);
    await store.sweep(end, new AbortController().signal);
    expect(store.figures.records).toBe(0);
    store.close();
    expect(named(recordDates), 'a new date belongs into the list').toEqual(
      columnsOf(RecordStore.pathIn(own)),
    );
  });
});
