import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { Severity } from '../../kit/runtime/health.ts';
import type { DoctorContext } from './context.ts';

/** `skipped`: could not be checked, because of something that another check reports. */
export type Verdict = Severity | 'skipped';

/** What a check found, and what to do about it, in words for a person. */
export interface Finding {
  verdict: Verdict;
  found: string;
  remedy?: string;
}

/** Only looks: a check changes nothing anywhere. */
export interface Check {
  /** What is checked, in a word or two. */
  name: string;
  run: (context: DoctorContext) => Promise<Finding>;
}

export const ok = (found: string): Finding => ({ verdict: 'ok', found });
export const warning = (found: string, remedy: string): Finding => ({ verdict: 'warning', found, remedy });
export const failure = (found: string, remedy: string): Finding => ({ verdict: 'error', found, remedy });
export const skipped = (found: string): Finding => ({ verdict: 'skipped', found });

export type NamedFinding = { check: string } & Finding;

/** All checks at once. None can take longer than `limitMs`, whatever it waits for. */
export function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  limitMs: number,
): Promise<NamedFinding[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => ({ check: name, ...(await limited(run(context), limitMs)) })),
  );
}

/** Some calls cannot be aborted (the system's look-up of names): their result is no longer waited for. */
async function limited(running: Promise<Finding>, limitMs: number): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    const found = `no answer within ${limitMs / 1000} s`;
    timer = setTimeout(() => resolve(failure(found, remedyFor('unreachable'))), limitMs);
  });
  try {
    return await Promise.race([running.catch(findingOf), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What prevented a check, as its finding. */
function findingOf(error: unknown): Finding {
  if (codeOf(error) === notCheckable) return skipped(messageOf(error));
  return failure(messageOf(error), remedyFor(codeOf(error)));
}

const notCheckable = 'not-checkable';

/** To be thrown where a check lacks what another one reports as missing. */
export function cannotCheck(why: string): Problem {
  return new Problem(notCheckable, why);
}

function remedyFor(code: string): string {
  return remedies[code] ?? 'try again; if it stays so, see the log of the box';
}

const remedies: Record<string, string> = {
  unreachable: 'check the internet connection, and the server’s address in the settings',
  'bad-answer': 'check the address in the settings: something else answers there, or a page for guests',
  'zone-not-yours': 'check zone.root: it must be the one that the dns-server serves',
  'rate-limited': 'wait a little, then try again',
  'identity-damaged': 'restore it from a backup; without one, the box needs a factory reset',
  EACCES: 'run this as the user that the box runs as, or as root (sudo porchlight doctor)',
  'ip-missing': 'apt install iproute2',
};
