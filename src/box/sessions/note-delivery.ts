import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Fact } from '../../kit/runtime/fact.ts';
import { readIfThere } from '../../kit/store/files.ts';
import type { Audit } from './audit.ts';
import { AuditNote } from '../audit-notes.ts';

/** In the folder of access: the event that a restore or reset left for the state that it made. */
export const notesFile = 'notes.json';

export interface NoteDeliveryOptions {
  /** Of access. */
  folder: string;
  notes: readonly Fact<readonly AuditNote[]>[];
  audit: Pick<Audit, 'deliver'>;
}

/** Brings events that were written elsewhere, with their changes, into the audit log: at once, and what was cut off at the start. */
export class NoteDelivery {
  readonly #options: NoteDeliveryOptions;
  readonly #delivered = new Set<string>();
  #unsubscribe: readonly (() => void)[] = [];

  constructor(options: NoteDeliveryOptions) {
    this.#options = options;
  }

  /** `again`: something waits that could not be delivered now. */
  start(again: () => void): void {
    this.#unsubscribe = this.#options.notes.map((fact) =>
      fact.subscribe((notes) => {
        try {
          this.#take(notes);
        } catch {
          // The round that this asks for says why, and repeats it.
          again();
        }
      }),
    );
  }

  stop(): void {
    for (const end of this.#unsubscribe) end();
  }

  /** All that there is. Throws `storage-failed`. */
  async deliver(): Promise<void> {
    for (const fact of this.#options.notes) this.#take(fact.value);
    const path = join(this.#options.folder, notesFile);
    const text = await readIfThere(path);
    if (text === undefined) return;
    this.#take(notesIn(text));
    await rm(path, { force: true });
  }

  #take(notes: readonly AuditNote[]): void {
    for (const note of notes) {
      if (this.#delivered.has(note.key)) continue;
      this.#options.audit.deliver(note);
      this.#delivered.add(note.key);
    }
  }
}

/** A damaged file costs the event, not the box. */
function notesIn(text: string): AuditNote[] {
  try {
    return Value.Parse(Type.Array(AuditNote), JSON.parse(text));
  } catch {
    return [];
  }
}
