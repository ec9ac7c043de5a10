import { basename } from 'node:path';
import { suggestion } from '../../kit/config/suggest.ts';
import type { CardPaths } from './paths.ts';

/** The names that mean something on the card. */
function knownNames(paths: CardPaths): string[] {
  const { settings, note, problems, outcome, resetRequest, restoreRequest, restorePassphrase } = paths;
  return [settings, resetRequest, restoreRequest, restorePassphrase, note, problems, outcome].map((path) =>
    basename(path),
  );
}

/** What a program leaves beside a file that it writes: ours before a rename, editors', and macOS's. */
const leftBehind = /^\.|~$|\.(new|swp|tmp)$/i;

/**
 * Says of each file on the card that is called nearly as one that means something that it was not read: Windows hides the
 * ending of `porchlight.toml.txt`, and a browser calls a second download `porchlight-restore (1).backup`. `besides`: what
 * `porchlight.toml` names.
 */
export function strangeNames(
  names: readonly string[],
  paths: CardPaths,
  besides: ReadonlySet<string>,
): string[] {
  const known = knownNames(paths);
  const read = new Set([...known, ...besides].map((name) => name.toLowerCase()));
  return names
    .filter((name) => !read.has(name.toLowerCase()) && !leftBehind.test(name))
    .flatMap((name) => {
      const meant = meantName(name, known);
      if (meant === undefined && !/^porch-?light/i.test(name)) return [];
      const advice =
        meant === undefined ? `the box reads ${known.slice(0, 4).join(', ')}` : `it is to be called ${meant}`;
      const hidden =
        meant !== undefined && name.toLowerCase() === `${meant}.txt`
          ? ' (Windows hides the last ending until you let it show them)'
          : '';
      return [`${name}: a file of this name is not read; ${advice}${hidden}`];
    });
}

function meantName(name: string, known: readonly string[]): string | undefined {
  const simple = name
    .toLowerCase()
    .replace(/^copy of /, '')
    .replaceAll(/ *\(\d+\)| - copy( \(\d+\))?| copy( \d+)?/g, '')
    .replaceAll(/[ _]+/g, '-');
  for (const other of [simple, simple.replace(/\.[a-z]{2,6}$/, ''), `${simple}.txt`, `${simple}.toml`])
    if (known.includes(other)) return other;
  // Not more than two slips: most names on the card are the image's own.
  const near = suggestion(simple, known);
  return near !== undefined && /^p.{0,3}(rch|light|reset|restore|.toml)/.test(simple) ? near : undefined;
}
