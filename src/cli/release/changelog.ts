import { Problem } from '../../kit/runtime/errors.ts';

const heading = '## Unreleased';

export interface Cut {
  /** The changelog, with what was unreleased under the version, and an empty *Unreleased* above it. */
  text: string;
  /** What is new, without its heading. */
  notes: string;
}

/** Cuts a release out of a changelog (https://keepachangelog.com). `day`: `2026-11-30`. Throws `nothing-new`. */
export function cutRelease(changelog: string, version: string, day: string): Cut {
  const [before, after] = changelog.split(`\n${heading}\n`);
  const next = after?.search(/^## /m) ?? -1;
  const notes = (next < 0 ? after : after?.slice(0, next))?.trim() ?? '';
  if (before === undefined || notes === '')
    throw new Problem(
      'nothing-new',
      `CHANGELOG.md has nothing under “${heading}”: say there what people notice`,
    );
  const rest = next < 0 ? '' : `\n\n${after?.slice(next).trimEnd() ?? ''}`;
  return { text: `${before}\n${heading}\n\n## ${version} (${day})\n\n${notes}${rest}\n`, notes };
}

const form = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9a-z.]+))?$/;

/** Throws `bad-version`: not of Semantic Versioning, or not above `current`. */
export function checkVersion(version: string, current: string): void {
  const [, ...next] = form.exec(version) ?? [];
  const [, ...now] = form.exec(current) ?? [];
  const bad = (why: string): Problem => new Problem('bad-version', `${version} ${why}; it is ${current} now`);
  if (next.length === 0) throw bad('is not a version like 1.2.3 or 1.2.3-rc.1');
  for (const index of [0, 1, 2]) {
    const step = Number(next[index]) - Number(now[index]);
    if (step > 0) return;
    if (step < 0) throw bad('is not above the version before');
  }
  // The same three numbers: a release follows its own candidates, and nothing else.
  const [candidate, before] = [next[3], now[3]];
  if (before !== undefined && (candidate === undefined || candidate > before)) return;
  throw bad('is not above the version before');
}
