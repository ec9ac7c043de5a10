import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { systemClock } from '../../kit/runtime/clock.ts';
import { messageOf } from '../../kit/runtime/errors.ts';
import { readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Log } from '../../kit/log/log.ts';
import { rootNote } from '../audit-notes.ts';
import { justRestoredFile, placeFile, stageReset, stageRestore } from '../backup/backups.ts';
import type { Place } from '../backup/contents.ts';
import { carryOut } from '../state/pending.ts';
import { accessLimits } from '../../protocol/access-api.ts';
import type { BoxConfig } from '../config.ts';
import { plain, readPlainFile } from './card-folder.ts';
import { Outcome } from './note-copy.ts';
import { type CardRequest, readRequest } from './requests.ts';

export type Outcome = Static<typeof Outcome>;

export interface AppliedRequests {
  /** What became of what the card asks for. */
  outcome: Outcome | undefined;
  /** A backup was restored whose cloud is another one than is configured: the configuration has to be made again. */
  elsewhere: boolean;
  /** What the card's reader found wrong on it, in words. */
  problems: readonly string[];
}

const Problems = Type.Array(Type.String({ maxLength: 2000 }), { maxItems: 200 });

/** Takes up what is pending in the state folder, and then what a file on the card asks for. */
export async function applyRequests(
  config: BoxConfig,
  configured: Place,
  log: Log,
): Promise<AppliedRequests> {
  const { state, system } = config;
  const done = await carryOut(state);
  if (done !== undefined) log.info({ part: 'backup' }, `the ${done.action} is carried out`);
  const outcome = await doAsAsked(system.cardRequests, state);
  const elsewhere = await isElsewhere(state, configured);
  if (elsewhere)
    log.warn({ part: 'backup' }, 'the restored box belongs to another cloud than the configuration says');
  return { outcome, elsewhere, problems: await problemsIn(join(system.cardRequests, 'problems.json')) };
}

async function problemsIn(path: string): Promise<readonly string[]> {
  try {
    return Value.Parse(Problems, JSON.parse((await readIfThere(path)) ?? '[]')).map(plain);
  } catch {
    return [];
  }
}

/** Only at the first start after a restore: when the configuration stays another one, a person wanted it so. */
async function isElsewhere(stateFolder: string, configured: Place): Promise<boolean> {
  const just = join(stateFolder, justRestoredFile);
  if ((await readIfThere(just)) === undefined) return false;
  const place = (await readIfThere(join(stateFolder, placeFile))) ?? '';
  await rm(just);
  return place !== JSON.stringify(configured);
}

/**
 * Carries out what a file on the card asks for (`folder` is where the card's reader left it), once, at the start of the box
 * and under its lock. Answers what became of it, also of one that was carried out at an earlier start; `undefined` when
 * nothing is asked.
 */
export async function doAsAsked(folder: string, stateFolder: string): Promise<Outcome | undefined> {
  // A name that no restore and no reset takes away.
  const doneFile = join(stateFolder, '.card-request');
  const request = await readRequest(join(folder, 'request.json')).catch(() => undefined);
  if (request === undefined) return undefined;
  const before = await outcomeIn(doneFile);
  if (before?.id === request.id) return before;
  const { done, words } = await outcomeOf(request, folder, stateFolder);
  const outcome = { id: request.id, done, words: plain(words) };
  await writeAtomic(doneFile, JSON.stringify(outcome));
  return outcome;
}

async function outcomeOf(
  request: CardRequest,
  folder: string,
  stateFolder: string,
): Promise<Omit<Outcome, 'id'>> {
  try {
    if (request.action === 'reset') {
      await stageReset(stateFolder, request, { note: rootNote('reset', systemClock.now()) });
      await carryOut(stateFolder);
      const how = request.forgetIdentity ? 'It is a new box, with a new name.' : 'It has kept its name.';
      return { done: true, words: `The box has forgotten its people and settings. ${how}` };
    }
    const file = await readPlainFile(join(folder, 'restore.backup'), accessLimits.backupBytes);
    const { name } = await stageRestore(stateFolder, file ?? Buffer.alloc(0), request.passphrase, {
      note: rootNote('restored', systemClock.now()),
    });
    await carryOut(stateFolder);
    return { done: true, words: `The box was restored from the backup on this card. It is “${name}” now.` };
  } catch (error) {
    return { done: false, words: `Nothing was changed: ${messageOf(error)}.` };
  }
}

async function outcomeIn(path: string): Promise<Outcome | undefined> {
  try {
    return Value.Parse(Outcome, JSON.parse((await readIfThere(path)) ?? ''));
  } catch {
    return undefined;
  }
}
