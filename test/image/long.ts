import { noMachine } from './vm.ts';

/** The long part, of an hour with emulation, runs as `npm run test:image`. Answers why not here, or `undefined`. */
export function notNow(board: 'amd64' | 'virt' = 'amd64'): string | undefined {
  if (process.env['PORCHLIGHT_TEST_IMAGE'] === undefined) return 'it is long: npm run test:image';
  return noMachine(board);
}

/** For a title of `describe`, after its own words: why it is skipped. */
export const skipped = (reason: string | undefined): string =>
  reason === undefined ? '' : ` (skipped: ${reason})`;
