import { messageOf } from '../../src/kit/errors.ts';
import { mutant, seeded } from './mutate.ts';
import type { Target } from './targets.ts';

export interface Finding {
  target: string;
  /** The input, hex: `npm run fuzz -- --target NAME --input HEX` runs it again. */
  input: string;
  what: string;
}

export interface Figures {
  target: string;
  inputs: number;
  seconds: number;
}

/** Runs one target until `isOver`, and stops at its first finding. The seeds themselves come first. */
export async function fuzz(
  target: Target,
  options: { seed: number; isOver: (inputs: number) => boolean },
): Promise<{ figures: Figures; finding: Finding | undefined }> {
  const random = seeded(options.seed);
  const begun = performance.now();
  let inputs = 0;
  let finding: Finding | undefined;
  while (finding === undefined && !options.isOver(inputs)) {
    const bytes = target.seeds[inputs] ?? mutant(target.seeds, random);
    inputs++;
    try {
      await target.run(Buffer.from(bytes));
    } catch (error) {
      finding = { target: target.name, input: bytes.toString('hex'), what: messageOf(error) };
    }
    // Timers and sockets have their turn, too.
    if (inputs % 2000 === 0) await new Promise(setImmediate);
  }
  const seconds = (performance.now() - begun) / 1000;
  return { figures: { target: target.name, inputs, seconds }, finding };
}
