import { spawnSync } from '../support/programs.ts';
import { withoutNamespaces } from '../support/netns.ts';
import { noMachine } from './vm.ts';

/** The long part, of an hour with emulation, runs as `npm run test:image`. Answers why not here, or `undefined`. */
export function notNow(board: 'amd64' | 'virt' = 'amd64'): string | undefined {
  if (process.env['PORCHLIGHT_TEST_IMAGE'] === undefined) return 'it is long: npm run test:image';
  return noMachine(board);
}

/** The same for tests in which a machine has a home around it. */
export function noHomeNow(): string | undefined {
  return notNow() ?? whyNoHome();
}

/** Why a machine cannot be started here with a home around it; `undefined` when it can. */
export function whyNoHome(): string | undefined {
  const reason = noMachine();
  if (reason !== undefined) return reason;
  if (withoutNamespaces) return 'only root may make the network namespaces of a home';
  const missing = ['nft', 'dnsmasq', 'pebble', 'curl'].find(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  return missing && `there is no ${missing} here`;
}

/** For a title of `describe`, after its own words: why it is skipped. */
export const skipped = (reason: string | undefined): string =>
  reason === undefined ? '' : ` (skipped: ${reason})`;
