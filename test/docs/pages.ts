import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const checkout = join(import.meta.dirname, '../..');

/** Everything that people read: the README and the pages of docs/, by their path. */
export const pages: ReadonlyMap<string, string> = new Map(
  [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(join(checkout, 'docs'), { recursive: true, encoding: 'utf8' }).map(
      (name) => `docs/${name}`,
    ),
  ]
    .filter((path) => path.endsWith('.md'))
    .toSorted()
    .map((path) => [path, readFileSync(join(checkout, path), 'utf8')]),
);

/** What `pattern` finds on all pages, with the page. */
export function mentions(pattern: RegExp): { page: string; found: RegExpExecArray }[] {
  return [...pages].flatMap(([page, text]) => [...text.matchAll(pattern)].map((found) => ({ page, found })));
}
