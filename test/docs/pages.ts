import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const checkout = join(import.meta.dirname, '../..');

/** Everything that people read: the README and the pages of docs/, and what a host of repositories runs, by their path. */
export const pages: ReadonlyMap<string, string> = new Map(
  [
    'README.md',
    'CONTRIBUTING.md',
    'CODE_OF_CONDUCT.md',
    'SECURITY.md',
    ...readdirSync(join(checkout, '.github/workflows')).map((name) => `.github/workflows/${name}`),
    ...readdirSync(join(checkout, 'docs'), { recursive: true, encoding: 'utf8' }).map(
      (name) => `docs/${name}`,
    ),
  ]
    .filter((path) => /\.(md|yml)$/.test(path))
    .toSorted()
    .map((path) => [path, readFileSync(join(checkout, path), 'utf8')]),
);

/** What `pattern` finds on all pages, with the page. */
export function mentions(pattern: RegExp): { page: string; found: RegExpExecArray }[] {
  return [...pages].flatMap(([page, text]) => [...text.matchAll(pattern)].map((found) => ({ page, found })));
}
