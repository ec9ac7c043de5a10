import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { accessLimits } from '../../protocol/access-api.ts';
import { readPlainFile, removeFromCard } from './card-folder.ts';
import { asOnCard, damaged, readCardBytes, readCardText } from './card-text.ts';
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
 * handed on before is taken away. Throws what keeps a request from being handed on, in words.
 */
export async function handOnRequest(paths: CardPaths): Promise<void> {
  let found: Found | undefined;
  try {
    found = await findRequest(paths);
  } finally {
    await writeToData(paths.requestBackup, found?.backup, 0o640);
    await writeToData(paths.request, found && JSON.stringify(found.request), 0o640);
  }
}

interface Found {
  request: CardRequest;
  backup?: Buffer;
}

const isThere = async (path: string): Promise<boolean> => existsSync(await asOnCard(path));

async function findRequest(paths: CardPaths): Promise<Found | undefined> {
  const { resetRequest, restoreRequest, restorePassphrase } = paths;
  const [reset, restore] = [await isThere(resetRequest), await isThere(restoreRequest)];
  if (reset && restore)
    throw damaged(
      resetRequest,
      `and ${basename(restoreRequest)} are both here: nothing was done; remove one of them`,
    );
  if (reset) return resetAsked(resetRequest);
  if (restore) return restoreAsked(restoreRequest, restorePassphrase);
  if (await isThere(restorePassphrase))
    throw damaged(restorePassphrase, `is here, but no ${basename(restoreRequest)}: nothing was restored`);
  return undefined;
}

/**
 * The whole file is the word, in any case and in quotes or not, as `echo "forget" > …` writes it in one shell or another. A
 * sentence with the word in it may mean the opposite, and an empty file may be all that is left of another one.
 */
function resetMeant(text: string): 'reset' | 'forget' | undefined {
  const word = text.replaceAll(/^[\s"'“”„‘’«».!]+|[\s"'“”„‘’«».!]+$/gu, '').toLowerCase();
  return word === 'reset' || word === 'forget' ? word : undefined;
}

async function resetAsked(path: string): Promise<Found> {
  const may =
    'write the one word reset into it (people and settings go, the name stays) or forget (the name goes, too)';
  let text: string | undefined;
  try {
    text = await readCardText(path, wordsMost);
  } catch (error) {
    throw damaged(
      path,
      `cannot be taken for a wish, because it is empty or damaged: nothing was reset; ${may}`,
      error,
    );
  }
  const word = text === undefined ? undefined : resetMeant(text);
  if (word === undefined)
    throw damaged(path, `says something else than the box knows: nothing was reset; ${may}`);
  const id = await idOf(path, Buffer.from(word));
  return { request: { id, action: 'reset', forgetIdentity: word === 'forget' } };
}

async function restoreAsked(path: string, passphrasePath: string): Promise<Found> {
  const backup = await readCardBytes(path, accessLimits.backupBytes);
  const text = (await readCardText(passphrasePath, wordsMost)) ?? '';
  const passphrase = text.trim().split('\n')[0]?.trim() ?? '';
  if (passphrase === '' || backup === undefined)
    throw damaged(
      path,
      `is here, but no ${basename(passphrasePath)} with its passphrase in the first line: nothing was restored`,
    );
  const id = await idOf(path, backup, Buffer.from(passphrase));
  return { request: { id, action: 'restore', passphrase }, backup };
}

/** Of a file as it lies on the card: a person who asks a second time puts another one there. */
async function idOf(path: string, ...contents: readonly Buffer[]): Promise<string> {
  const hash = createHash('sha256').update(String((await stat(await asOnCard(path))).mtimeMs));
  for (const content of contents) hash.update(content).update('\0');
  return hash.digest('hex');
}

/** The request is done with: the files on the card that asked for it go, so that nobody finds the passphrase there. */
export async function takeRequestAway(paths: CardPaths, { action }: CardRequest): Promise<void> {
  const asked = action === 'reset' ? [paths.resetRequest] : [paths.restoreRequest, paths.restorePassphrase];
  await removeFromCard(...(await Promise.all(asked.map(asOnCard))));
  await writeToData(paths.request, undefined);
  await writeToData(paths.requestBackup, undefined);
}

export async function readRequest(path: string): Promise<CardRequest | undefined> {
  const bytes = await readPlainFile(path, wordsMost * 2);
  return bytes === undefined ? undefined : Value.Parse(CardRequest, JSON.parse(bytes.toString()));
}
