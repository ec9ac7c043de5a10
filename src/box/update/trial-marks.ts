import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { readIfThere, syncFolder, writeAtomic } from '../../kit/store/files.ts';

/** Root’s own folder: what it says decides whether a slot is kept, so that the box itself can only read it. */
const trialFolder = '/var/lib/porchlight-update';

/** Made by `porchlight-on-trial`, RAUC’s handler, before a slot is written: its boot name. */
const markFile = 'on-trial';
const verdictFile = 'verdict.json';

const VerdictNote = Type.Object({
  slot: Type.String(),
  good: Type.Boolean(),
  reason: Type.String(),
});
export type VerdictNote = Static<typeof VerdictNote>;

/** Which slot has yet to prove itself, and what was found of the last one. */
export class TrialMarks {
  readonly #folder: string;

  constructor(folder = trialFolder) {
    this.#folder = folder;
  }

  /** Boot name of the slot whose content nobody has found healthy yet. */
  async onTrial(): Promise<string | undefined> {
    const text = await readIfThere(join(this.#folder, markFile));
    return text?.trim() || undefined;
  }

  async verdict(): Promise<VerdictNote | undefined> {
    try {
      const text = await readIfThere(join(this.#folder, verdictFile));
      return text === undefined ? undefined : Value.Parse(VerdictNote, JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** As root. Good ends the trial; bad leaves the mark, for the slot is not to be trusted when it is started again. */
  async decide(note: VerdictNote): Promise<void> {
    await writeAtomic(join(this.#folder, verdictFile), JSON.stringify(note), 0o644);
    if (!note.good) return;
    await rm(join(this.#folder, markFile), { force: true });
    await syncFolder(this.#folder);
  }
}
