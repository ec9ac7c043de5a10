import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/kit/runtime/errors.ts';
import { Damages } from './damages.ts';
import { openDisk } from './disk.ts';
import { House } from './house.ts';
import { Leaks } from './leaks.ts';
import { Outages } from './outages.ts';
import { Program } from './program.ts';
import { Random } from './random.ts';
import { Tallies } from './tally.ts';

export interface SoakOptions {
  /** Empty, and the caller's to remove. */
  folder: string;
  minutes: number;
  seed: number;
  /** Names of parts; all of them where there are none. */
  only: readonly string[] | undefined;
  say: (text: string) => void;
}

interface Part {
  name: string;
  /** Of the time. */
  share: number;
  run: (over: () => boolean) => Promise<void>;
}

/** Parts one after the other, each with its share of the time. */
export async function soak({ folder, minutes, seed, only, say }: SoakOptions): Promise<Tallies> {
  const tallies = new Tallies();
  mkdirSync(join(folder, 'program'));
  const program = await Program.build(join(folder, 'program'));
  const disk = openDisk(folder);
  say(`the state is on ${disk.kind}`);
  const house = await House.open(join(folder, 'house'), program, true);
  const random = (part: string): Random =>
    new Random(seed ^ createHash('sha256').update(part).digest().readUInt32BE());
  const outages = new Outages({ house, disk, random: random('outages'), tallies, isLong: minutes >= 10 });
  mkdirSync(join(folder, 'damages'));
  const damages = new Damages({
    house,
    folder: join(folder, 'damages'),
    random: random('damage'),
    tallies,
  });
  const leaks = new Leaks({ house, state: join(folder, 'leaks'), random: random('leaks'), tallies });
  mkdirSync(join(folder, 'leaks'));
  const parts: Part[] = [
    {
      name: 'outages',
      share: 0.45,
      run: async (over) => {
        await outages.open();
        await outages.run(over);
        say(`${outages.answered} deeds were answered`);
        await outages.close();
      },
    },
    {
      name: 'damage',
      share: 0.4,
      run: async (over) => {
        await damages.open();
        await damages.run(over);
        damages.close();
      },
    },
    {
      name: 'growth',
      share: 0.15,
      run: async (over) => {
        await leaks.open();
        await leaks.run(over);
      },
    },
  ];
  try {
    const chosen = parts.filter(({ name }) => only === undefined || only.includes(name));
    const whole = chosen.reduce((sum, { share }) => sum + share, 0);
    for (const { name, share, run } of chosen) {
      say(`${name} …`);
      const end = performance.now() + (minutes * 60_000 * share) / whole;
      // What ends one part early is told with the rest, which is not lost for it.
      await run(() => performance.now() >= end).catch((error: unknown) => {
        tallies.of(`${name} ended early`).lost.push(messageOf(error));
      });
    }
  } finally {
    await outages.close();
    damages.close();
    await leaks.close();
    await house.close();
    disk.close();
  }
  return tallies;
}
