import { join } from 'node:path';
import type { Clock } from '../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { type AuditNote, rootNote } from '../audit-notes.ts';
import { notesFile } from '../sessions/note-delivery.ts';
import { AccessStore } from '../sessions/store.ts';
import { identityFrom } from '../identity/identity-check.ts';
import { readIdentity } from '../identity/identity.ts';
import { type Contents, decodedContents, encodedContents, largestBackup, type Place } from './contents.ts';
import { stage } from '../state/pending.ts';
import { sealed, unsealed } from './sealed.ts';
import { readState } from './state-files.ts';

export interface BackupsOptions {
  stateFolder: string;
  /** As people call the box now. */
  name: () => string;
  place: Place;
  version: string;
  clock: Clock;
  /** Ends the box and has it started again, which carries out what is pending. */
  restart: () => void;
}

/** Whose backup it is. `madeAt`: ms since the epoch. */
export type BackupView = Pick<Contents, 'boxId' | 'name' | 'madeAt' | 'place'>;

/** Where a restored box belongs, for whoever writes its configuration (the card's reader). */
export const placeFile = 'zone/place.json';

/** There until the first start after the restore. */
export const justRestoredFile = 'zone/restored';

/** What makes the name of the box: it stays when people and secrets are forgotten. */
const identityFolders = ['identity', 'certificate', 'zone'];

/** Backup, restore and reset of everything the box must not forget. One at a time: they are large. */
export class Backups {
  readonly #options: BackupsOptions;
  #busy = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** Everything in one file that nobody can read without the passphrase. Throws `passphrase-refused`, `storage-failed`. */
  make(passphrase: string): Promise<Buffer> {
    return this.#alone(async () => {
      const { stateFolder, name, place, version, clock } = this.#options;
      const identity = await readIdentity(stateFolder);
      if (identity === undefined) throw new Problem('not-ready', 'this box has not been started yet');
      const contents = await encodedContents({
        boxId: identity.boxId,
        name: name(),
        madeAt: Math.round(clock.now()),
        version,
        place,
        files: await readState(stateFolder),
      });
      // What could not be read again is no backup.
      await decodedContents(contents);
      const file = await sealed(contents, passphrase);
      if (file.length > largestBackup) throw tooLarge(file.length);
      return file;
    });
  }

  /**
   * Checks and stages all of a backup, which is then carried out at the next start. Throws `backup-malformed`,
   * `wrong-passphrase`, `storage-failed`, and what `still` throws, which is called before it counts; nothing has changed
   * then.
   */
  restore(
    file: Buffer,
    passphrase: string,
    still: () => void = () => undefined,
    note = rootNote('restored', this.#options.clock.now()),
  ): Promise<BackupView> {
    return this.#alone(() => stageRestore(this.#options.stateFolder, file, passphrase, { still, note }));
  }

  /** Stages that people, their apps and settings are forgotten, and with `forgetIdentity` the name of the box too. */
  reset(
    how: { forgetIdentity: boolean },
    still: () => void = () => undefined,
    note = rootNote('reset', this.#options.clock.now()),
  ): Promise<void> {
    return this.#alone(() => stageReset(this.#options.stateFolder, how, { still, note }));
  }

  /** To be called when those who asked have their answer. */
  restart(): void {
    this.#options.restart();
  }

  async #alone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#busy) {
      const message = 'a backup or restore is under way; try again in a moment';
      throw new Problem('not-ready', message, { status: 503, retryAfterSeconds: 5 });
    }
    this.#busy = true;
    try {
      return await action();
    } finally {
      this.#busy = false;
    }
  }
}

interface Staging {
  still?: () => void;
  /** The event, for the audit log of the state that is made. */
  note?: AuditNote;
}

/** `Backups.restore` on a state folder that nobody uses, whose lock the caller has. */
export async function stageRestore(
  stateFolder: string,
  file: Buffer,
  passphrase: string,
  { still = () => undefined, note }: Staging = {},
): Promise<BackupView> {
  const { files, ...contents } = await read(file, passphrase);
  files.set(placeFile, Buffer.from(JSON.stringify(contents.place)));
  files.set(justRestoredFile, Buffer.alloc(0));
  if (note !== undefined) files.set(...noted(note));
  await stage(stateFolder, { action: 'restore', kept: [] }, files, async (folder) => {
    await openable(folder);
    still();
  });
  return contents;
}

/** `Backups.reset` on a state folder that nobody uses. */
export async function stageReset(
  stateFolder: string,
  how: { forgetIdentity: boolean },
  { still = () => undefined, note }: Staging = {},
): Promise<void> {
  const kept = how.forgetIdentity ? [] : identityFolders;
  // Who comes next learns that it was reset, and nothing of who was here before.
  const files = new Map(note === undefined ? [] : [noted({ ...note, who: '', address: null })]);
  await stage(stateFolder, { action: 'reset', kept }, files, async () => still());
}

/** It counts with the state that it is about. */
const noted = (note: AuditNote): [string, Buffer] => [
  `access/${notesFile}`,
  Buffer.from(JSON.stringify([note])),
];

/** What a backup holds, once it is sure that a box can be started from it. */
async function read(file: Buffer, passphrase: string): Promise<Contents> {
  if (file.length > largestBackup) throw malformed('the file is too large for a backup of a box');
  const contents = await decodedContents(await unsealed(file, passphrase));
  const text = (path: string): string => contents.files.get(path)?.toString() ?? '';
  const found = identityFrom(text('identity/certificate.pem'), text('identity/key.pem'), 'the backup');
  if (found.boxId !== contents.boxId) throw malformed('the identity in the backup is that of another box');
  return contents;
}

/** Throws `backup-malformed` for people that this Porchlight cannot read: it would not start with them. */
async function openable(folder: string): Promise<void> {
  const store = new AccessStore(join(folder, 'access'));
  try {
    await store.open();
  } catch (error) {
    if (codeOf(error) === 'store-too-new')
      throw malformed('this backup was made by a newer Porchlight; update this box first');
    throw error;
  } finally {
    store.close();
  }
}

function tooLarge(size: number): Problem {
  const message = `the box holds ${Math.round(size / 1e6)} MB, which is more than a backup takes`;
  return new Problem('backup-too-large', message, { status: 422, retryable: false });
}

const malformed = (message: string): Problem =>
  new Problem('backup-malformed', message, { status: 422, retryable: false });
