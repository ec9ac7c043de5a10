import { codeOf, messageOf } from '../runtime/errors.ts';
import type { Fact } from '../runtime/fact.ts';
import type { Log } from '../log/log.ts';
import type { Correction } from './policy.ts';

/** A column of a store that holds a date, ms since the epoch. */
interface DatedColumn {
  column: string;
  /** When it was written, as SQL over the row; default: it says so itself. A certificate's own date cannot be changed: `null`. */
  made?: string | null;
  /** The date that it never passes, as SQL over the row as it is then. */
  most?: string;
}

/** All columns of a store that hold a date, by table. What a store forgets in time goes by one of them. */
export type DatedTables = Readonly<Record<string, readonly DatedColumn[]>>;

const inDoubt = 'BETWEEN :since AND :until';

/** What dates a whole store again, once, with `:since`, `:until` and `:step` of a correction; see `redateOnce`. */
function redatingSql(tables: DatedTables): string[] {
  return Object.entries(tables).flatMap(([table, columns]) => {
    const moved = columns.flatMap(({ column, made = column, most }) => {
      if (made === null) return [];
      const later = `${column} + :step`;
      const value = most === undefined ? later : `min(${later}, ${most})`;
      return [`${column} = CASE WHEN (${made}) ${inDoubt} THEN ${value} ELSE ${column} END`];
    });
    return moved.length === 0 ? [] : [`UPDATE ${table} SET ${moved.join(', ')}`];
  });
}

export interface Redating {
  transaction: (action: () => void) => void;
  /** Whether this period of doubt was dealt with before; it is from then on. */
  isNew: (id: string) => boolean;
  run: (sql: string, values: { since: number; until: number; step: number }) => void;
}

/** Dates everything in a store again that was made in doubt. Each correction counts once, however often this is called. */
export function redateOnce(
  tables: DatedTables,
  corrections: readonly Correction[],
  { transaction, isNew, run }: Redating,
): void {
  for (const { id, since, until, step } of corrections) {
    transaction(() => {
      if (!isNew(id)) return;
      const values = { since: Math.floor(since), until: Math.ceil(until), step };
      for (const sql of redatingSql(tables)) run(sql, values);
    });
  }
}

/**
 * Has a store date again by the corrections that there are, before anything is asked whether it has expired, and by others as they
 * come, until what it answers is called. A store that cannot be written now keeps its dates until its next start, and keeps
 * nobody else from knowing the time.
 */
export function followCorrections(
  corrections: Fact<readonly Correction[]> | undefined,
  redate: (all: readonly Correction[]) => void,
  log: Log,
): () => void {
  if (corrections === undefined) return () => undefined;
  const apply = (all: readonly Correction[]): void => {
    try {
      redate(all);
    } catch (error) {
      log.warn(
        { code: codeOf(error) },
        `what was made while the clock was in doubt keeps its dates: ${messageOf(error)}`,
      );
    }
  };
  apply(corrections.value);
  return corrections.subscribe(apply);
}
