import { dirname, join } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Log } from '../../kit/log/log.ts';
import { UpdateSettings } from '../../protocol/update-api.ts';
import { AuditNotes } from '../audit-notes.ts';
import { machineFolder } from '../state/folders.ts';

const severity = Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('error')]);

/** A release that is written to the other slot. */
const Attempt = Type.Object({
  version: Type.String(),
  /** Boot name of the slot. */
  slot: Type.String(),
  /** Seen complete; false while it is being written. */
  installed: Type.Boolean(),
  at: Type.Integer(),
  /** The conditions of the box before, by name: what was wrong already is not the release’s doing. */
  before: Type.Record(Type.String(), severity),
});
export type Attempt = Static<typeof Attempt>;

const Setback = Type.Object({ times: Type.Integer(), at: Type.Integer(), reason: Type.String() });

/** What the box remembers of its tries. */
export const UpdateRecord = Type.Object({
  attempt: Type.Union([Attempt, Type.Null()]),
  /** Releases that were rolled back, by version. */
  setbacks: Type.Record(Type.String(), Setback),
  /** The events of what people began. */
  notes: AuditNotes,
});
export type UpdateRecord = Static<typeof UpdateRecord>;

/** What owners have set, and the events of it. */
const KeptSettings = Type.Object({ ...UpdateSettings.properties, notes: AuditNotes });

export const noRecord: UpdateRecord = { attempt: null, setbacks: {} };

export const recordFile = 'record.json';

/** Where it keeps what owners have set. */
const settingsFolder = 'update';
const settingsFile = 'settings.json';

/** What the part keeps on disk. A damaged file costs its content, not the box. */
export class UpdateMemory {
  readonly #record: string;
  readonly #settings: string;
  readonly #log: Log;

  constructor(options: { stateFolder: string; log: Log }) {
    this.#record = join(options.stateFolder, machineFolder, recordFile);
    this.#settings = join(options.stateFolder, settingsFolder, settingsFile);
    this.#log = options.log;
  }

  record(): Promise<UpdateRecord | undefined> {
    return this.#read(this.#record, UpdateRecord);
  }

  /** An owner may have paused updates: where nobody can read it any more, they are, and the console shows it. */
  async settings(): Promise<Partial<Static<typeof KeptSettings>>> {
    if ((await readIfThere(this.#settings)) === undefined) return {};
    return (await this.#read(this.#settings, KeptSettings)) ?? { paused: true };
  }

  writeRecord(record: UpdateRecord): Promise<void> {
    return this.#write(this.#record, record);
  }

  writeSettings(settings: Static<typeof KeptSettings>): Promise<void> {
    return this.#write(this.#settings, settings);
  }

  async #read<S extends TSchema>(path: string, schema: S): Promise<Static<S> | undefined> {
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    try {
      return Value.Parse(schema, JSON.parse(text));
    } catch {
      this.#log.warn(`${path} is damaged and left aside`);
      return undefined;
    }
  }

  async #write(path: string, value: unknown): Promise<void> {
    await privateFolder(dirname(path));
    await writeAtomic(path, JSON.stringify(value));
  }
}
