import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';

/** Does something to a file; answers what, in words. */
type Damaging = (options: { folder: string; path: string; random: Random }) => string;

const page = 4096;

const changed =
  (change: (bytes: Buffer, random: Random, others: () => Buffer) => [Buffer, string]): Damaging =>
  ({ folder, path, random }) => {
    const file = join(folder, path);
    const others = (): Buffer => {
      const names = filesIn(folder).filter((name) => name !== path);
      return readFileSync(join(folder, random.one(names)));
    };
    const [bytes, words] = change(readFileSync(file), random, others);
    writeFileSync(file, bytes);
    return words;
  };

/** What media and people do to files. */
const damagings: readonly [share: number, Damaging][] = [
  [
    40,
    changed((bytes, random) => {
      const bit = random.below(Math.max(1, bytes.length * 8));
      const flipped = Buffer.from(bytes);
      if (bytes.length > 0) flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return [flipped, `bit ${bit} flipped`];
    }),
  ],
  [
    15,
    changed((bytes, random) => {
      const from = Math.floor(random.below(bytes.length + 1) / page) * page;
      return [Buffer.from(bytes).fill(0, from, Math.min(from + page, bytes.length)), `zeros from ${from}`];
    }),
  ],
  [
    10,
    changed((bytes, random) => {
      const from = Math.floor(random.below(bytes.length + 1) / page) * page;
      const length = Math.min(page, bytes.length - from);
      const strange = Buffer.from(bytes);
      random.bytes(length).copy(strange, from);
      return [strange, `noise from ${from}`];
    }),
  ],
  [
    15,
    changed((bytes, random) => {
      const length = random.below(bytes.length + 1);
      return [bytes.subarray(0, length), `cut to ${length}`];
    }),
  ],
  [5, changed(() => [Buffer.alloc(0), 'emptied'])],
  [5, changed((_, __, others) => [others(), 'content of another file'])],
  [
    10,
    ({ folder, path }) => {
      rmSync(join(folder, path));
      return 'removed';
    },
  ],
];

export function damageAt(folder: string, path: string, random: Random): string {
  return random.weighted(damagings)({ folder, path, random });
}

/** Files below `folder`, by path. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isSocket())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}
