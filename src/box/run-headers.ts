import { runHeaders } from '../protocol/run-api.ts';
import type { Run } from './facts.ts';

/** What every call to the cloud says of the run that makes it. */
export function runHeadersOf(run: Run | undefined): Record<string, string> {
  if (run === undefined) return {};
  return {
    [runHeaders.run]: run.id,
    ...(run.before === undefined ? {} : { [runHeaders.before]: run.before }),
  };
}
