import { isOfDisk, StorageProblem, storageProblem } from './problem.ts';

/** One write that the disk did not take. */
export interface StorageFailure {
  problem: StorageProblem;
  path: string;
  /** Writes there again without changing anything, and throws when it cannot be; absent: a file beside it will do. */
  tryAgain?: (() => void) | undefined;
}

type Listener = (failure: StorageFailure) => void;

const listeners = new Set<Listener>();

/**
 * Every failure of this process's stores, wherever it happens: `writeAtomic`, folders, markers and databases tell of theirs here,
 * so that no store has to be handed somebody to tell, and none can be forgotten. Answers what ends it.
 */
export function onStorageFailure(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The problem that `error` is, told to whoever watches that disk. */
export function storageFailed(
  path: string,
  error: unknown,
  options: { verb?: 'write' | 'use'; tryAgain?: (() => void) | undefined } = {},
): StorageProblem {
  // One that comes from a step inside was told there.
  if (error instanceof StorageProblem) return error;
  const problem = storageProblem(path, error, options.verb);
  if (isOfDisk(error)) tellFailure({ problem, path, tryAgain: options.tryAgain });
  return problem;
}

export function tellFailure(failure: StorageFailure): void {
  for (const listener of listeners) listener(failure);
}
