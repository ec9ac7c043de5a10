import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout, mentions, pages } from './pages.ts';

/** A heading as it is linked to. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

it('every link between pages leads to a file, and to a heading there', () => {
  const dead = mentions(/(?<!\\)\]\(([^)\s\\]+)\)/g).flatMap(({ page, found }) => {
    const link = found[1] ?? '';
    if (/^(https?|mailto):/.test(link)) return [];
    const [path = '', heading] = link.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(checkout, file))) return [`${page}: ${link}`];
    if (heading === undefined) return [];
    const text = pages.get(file) ?? readFileSync(join(checkout, file), 'utf8');
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1] ?? ''));
    return headings.includes(heading) ? [] : [`${page}: ${link}`];
  });
  expect(dead).toEqual([]);
});

it('every file and folder of the repository that a page names is there', () => {
  const places = mentions(/`((?:src|test|docs|image|systemd)\/[\w./-]+)`/g);
  expect(places.length).toBeGreaterThan(20);
  const missing = places.filter(({ found }) => !existsSync(join(checkout, found[1] ?? '')));
  expect(missing.map(({ page, found }) => `${page}: ${found[1]}`)).toEqual([]);
});
