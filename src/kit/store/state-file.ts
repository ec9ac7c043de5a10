/** How a state file comes to be on the disk. */
type Written =
  /** `writeAtomic`: the old content or the new, never half. */
  | 'replaced'
  /** SQLite with a log and a full sync: a change is there, all of it, before it is answered. */
  | 'store'
  /** Of the running process: what an earlier one left behind means nothing. */
  | 'process';

/** What it means that the file is damaged: other bytes, fewer, none, or no file at all. */
export interface Damage {
  /** The part does not start, with one of these codes, until somebody restores it or says that a new beginning is meant. */
  refused?: readonly string[];
  /** The health condition by which the loss is told. */
  told?: string;
  /** What is made again, or left out, in words; with neither of the others this is all, and no harm. */
  remade?: string;
  /** What nobody can tell from a power cut, in words: it is lost without a word. */
  limit?: string;
}

/** One file that a program keeps; in `path`, `*` stands for any one name, and `**` at the end for all that is below. */
export interface StateFile {
  path: string;
  /** In words, for docs/STATE.md. */
  what: string;
  written: Written;
  damage: Damage;
}

/** The entry of `list` for the file at `path`, relative to the state folder. */
export function stateFileAt(list: readonly StateFile[], path: string): StateFile | undefined {
  return list.find((entry) => patternOf(entry.path).test(path));
}

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (part === '**') return '.+';
    return part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  });
  return new RegExp(`^${parts.join('/')}$`);
}

/**
 * A file or folder that is being made: it takes its own name when it is whole, and means nothing until then. A store has a
 * journal only while it is made: its log comes after.
 */
export const isBeingMade = (path: string): boolean =>
  /(^|\/)(\.[^/]+\.tmp|[^/]+\.making|[^/]*-making|\.pending-done|\.copying)(\/|$)|\.[0-9a-f]{12}$|\.sqlite-journal$/.test(
    path,
  );
