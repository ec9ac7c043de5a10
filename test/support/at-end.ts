import { afterAll, onTestFinished } from 'vitest';

type Action = () => unknown;

/** Of a program that is no test: figures are measured with the same boxes. */
const left: Action[] = [];
const testing = process.env['VITEST'] !== undefined;

/** Runs when the tests of the file are done; outside of tests, when `endAll` is called. */
export function atEnd(action: Action): void {
  if (testing) afterAll(async () => void (await action()));
  else left.push(action);
}

/** The same for the end of one test. */
export function atEndOfTest(action: Action): void {
  if (testing) onTestFinished(async () => void (await action()));
  else left.push(action);
}

/** Outside of tests: undoes what was begun, the last first. */
export async function endAll(): Promise<void> {
  for (const action of left.splice(0).toReversed()) await action();
}
