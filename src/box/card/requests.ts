import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { accessLimits } from '../../protocol/access-api.ts';
import { readPlainFile, removeFromCard } from './card-folder.ts';
import { writeToData } from './data-folder.ts';
import type { CardPaths } from './paths.ts';

/** What a file on the card asks the daemon for. `id` is of this very file: it is carried out once. */
export const CardRequest = Type.Union([
  Type.Object({ id: Type.String(), action: Type.Literal('reset'), forgetIdentity: Type.Boolean() }),
  Type.Object({ id: Type.String(), action: Type.Literal('restore'), passphrase: Type.String() }),
]);
export type CardRequest = Static<typeof CardRequest>;

/** For a word or a line that a person wrote. */
const wordsMost = 4096;

/**
 * Hands on what a file on the card asks for, for the daemon to read, who knows what a backup is; without one, what was
 * handed on before is taken away. Answers what keeps a request from being handed on, in words.
 */
export async function handOnRequest(paths: CardPaths): Promise<string[]> {
  const { request, faults, backup } = await findRequest(paths);
  await writeToData(paths.requestBackup, backup, 0o640);
  await writeToData(paths.request, request && JSON.stringify(request), 0o640);
  return faults;
}

interface Found {
  request?: CardRequest;
  backup?: Buffer;
  faults: string[];
}

async function findRequest(paths: CardPaths): Promise<Found> {
  const reset = await readPlainFile(paths.resetRequest, wordsMost);
  if (reset !== undefined) {
    const id = await idOf(paths.resetRequest, reset);
    const forgetIdentity = /\bforget\b/i.test(reset.toString());
    return { request: { id, action: 'reset', forgetIdentity }, faults: [] };
  }
  const backup = await readPlainFile(paths.restoreRequest, accessLimits.backupBytes);
  if (backup === undefined) return { faults: [] };
  const words = await readPlainFile(paths.restorePassphrase, wordsMost);
  const passphrase =
    words
      ?.toString()
      .replace(/^\uFEFF/, '')
      .split('\n')[0]
      ?.trim() ?? '';
  if (passphrase === '') {
    const fault =
      'porchlight-restore.backup is here, but no porchlight-restore.txt with its passphrase in the first line: nothing was restored';
    return { faults: [fault] };
  }
  const id = await idOf(paths.restoreRequest, backup, Buffer.from(passphrase));
  return { request: { id, action: 'restore', passphrase }, backup, faults: [] };
}

/** Of a file as it lies on the card: a person who asks a second time puts another one there. */
async function idOf(path: string, ...contents: readonly Buffer[]): Promise<string> {
  const hash = createHash('sha256').update(String((await stat(path)).mtimeMs));
  for (const content of contents) hash.update(content).update('\0');
  return hash.digest('hex');
}

/** The request is done with: the files on the card that asked for it go, so that nobody finds the passphrase there. */
export async function takeRequestAway(paths: CardPaths): Promise<void> {
  await removeFromCard(paths.resetRequest, paths.restoreRequest, paths.restorePassphrase);
  await writeToData(paths.request, undefined);
  await writeToData(paths.requestBackup, undefined);
}

export async function readRequest(path: string): Promise<CardRequest | undefined> {
  const bytes = await readPlainFile(path, wordsMost * 2);
  return bytes === undefined ? undefined : Value.Parse(CardRequest, JSON.parse(bytes.toString()));
}
