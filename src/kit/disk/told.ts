import { StorageProblem } from './problem.ts';

/** The outages of this process that have their line in the log. */
const outages = new Set<object>();

export function beginOutage(of: object): void {
  outages.add(of);
}

export function endOutage(of: object): void {
  outages.delete(of);
}

/**
 * Whether a line of the log about `fields` (`err` or `code`) only repeats an outage that has its line: every write that fails
 * meanwhile would be another one, with a stack.
 */
export function repeatsOutage(fields: unknown): boolean {
  if (outages.size === 0 || typeof fields !== 'object' || fields === null) return false;
  const { err, code } = fields as { err?: unknown; code?: unknown };
  return isStorageProblem(err) || (typeof code === 'string' && code.startsWith('storage-'));
}

function isStorageProblem(error: unknown): boolean {
  if (error instanceof StorageProblem) return true;
  return error instanceof Error && error.cause !== undefined && isStorageProblem(error.cause);
}
