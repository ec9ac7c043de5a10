import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { BoxId } from '../../protocol/names.ts';
import { runIdPattern } from '../../protocol/run-api.ts';
import { type AuditNote, AuditNotes, withNote } from '../audit-notes.ts';
import type { Run } from '../facts.ts';

const Kept = Type.Object({
  /** A reset leaves the file, and makes another box. */
  boxId: Type.String(),
  run: Type.String({ pattern: runIdPattern }),
  /** What the audit log was told last. */
  told: Type.Enum(['alone', 'first', 'copy']),
  notes: AuditNotes,
});
type KeptRun = Static<typeof Kept>;
type Told = KeptRun['told'];

/**
 * `<state>/run.json`: this run, for the next one to say whom it follows. A copied card holds it too, so that it proves nothing;
 * without it a restart takes some seconds longer until the cloud believes that the run before is gone.
 */
export class RunMemory {
  readonly #path: string;
  readonly #boxId: BoxId;
  readonly run: Run;
  #told: Told;
  #notes: readonly AuditNote[];

  private constructor(path: string, boxId: BoxId, kept: Partial<KeptRun>) {
    this.#path = path;
    this.#boxId = boxId;
    this.run = { id: randomBytes(16).toString('hex'), before: kept.run };
    this.#told = kept.told ?? 'alone';
    this.#notes = kept.notes ?? [];
  }

  /** Begins a run. What cannot be read or written is no reason not to: `onFailure` is told. */
  static async begin(
    stateFolder: string,
    boxId: BoxId,
    onFailure: (error: unknown) => void,
  ): Promise<RunMemory> {
    const path = join(stateFolder, 'run.json');
    let kept: Partial<KeptRun> = {};
    try {
      const value: unknown = JSON.parse((await readIfThere(path)) ?? '{}');
      if (Value.Check(Kept, value) && value.boxId === boxId) kept = value;
    } catch (error) {
      onFailure(error);
    }
    const memory = new RunMemory(path, boxId, kept);
    try {
      await memory.#write(memory.#told, memory.#notes);
    } catch (error) {
      onFailure(error);
    }
    return memory;
  }

  get notes(): readonly AuditNote[] {
    return this.#notes;
  }

  /** Remembers what the audit log is told of the standing, once for each change. Throws `storage-failed`: told again, then. */
  async tell(kind: Told, note: () => AuditNote): Promise<void> {
    if (kind === this.#told) return;
    const notes = withNote(this.#notes, kind === 'alone' ? undefined : note());
    await this.#write(kind, notes);
    this.#told = kind;
    this.#notes = notes;
  }

  #write(told: Told, notes: readonly AuditNote[]): Promise<void> {
    const kept: KeptRun = { boxId: this.#boxId, run: this.run.id, told, notes: [...notes] };
    return writeAtomic(this.#path, JSON.stringify(kept));
  }
}
