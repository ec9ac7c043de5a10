import type { IncomingHttpHeaders } from 'node:http';
import { runHeaders, runIdPattern } from '../../protocol/run-api.ts';
import type { Claim } from './policy.ts';

const pattern = new RegExp(runIdPattern);

/** What the headers of a call say of the run that makes it; `undefined` for a box that has none, which is served as ever. */
export function claimOf(headers: IncomingHttpHeaders, copy = false): Claim | undefined {
  const [run, before] = [headers[runHeaders.run], headers[runHeaders.before]].map((value) =>
    typeof value === 'string' && pattern.test(value) ? value : undefined,
  );
  return run === undefined ? undefined : { run, before, copy };
}
