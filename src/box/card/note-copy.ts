import { rm } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf } from '../../kit/runtime/errors.ts';
import { plainText, readPlainFile, withWritableCard, writeToCard } from './card-folder.ts';
import type { CardPaths } from './paths.ts';
import { readRequest, takeRequestAway } from './requests.ts';

/** What became of a request, as the daemon says it. */
export const Outcome = Type.Object({ id: Type.String(), done: Type.Boolean(), words: Type.String() });

const most = 4096;
const written = 'Written by the box on ';

/**
 * Copies what the daemon says to the card: its note, and what became of a request. Whoever wrote it is not trusted: only
 * short plain text is copied, to fixed names, and only when it is another one. Answers what was refused, in words.
 */
export async function copyNote(paths: CardPaths, now: Date): Promise<string[]> {
  const refused: string[] = [];
  // First of all: what changes from now on is copied the next time. It is the box's folder, so it may be anything.
  await rm(paths.daemonWaiting, { recursive: true, force: true });
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    await action().catch((error: unknown) => void refused.push(messageOf(error)));
  };
  await attempt(async () => {
    const note = text(await readPlainFile(paths.daemonNote, most));
    const there = (await readPlainFile(paths.note, 2 * most))?.toString() ?? '';
    if (note === undefined || there.split(written)[0] === note) return;
    const stamp = now.toISOString().replace('T', ' ').slice(0, 16);
    await withWritableCard(paths.card, () => writeToCard(paths.note, `${note}${written}${stamp} UTC.\n`));
  });
  await attempt(async () => {
    const said = await readPlainFile(paths.daemonOutcome, most);
    const request = await readRequest(paths.request);
    if (said === undefined || request === undefined) return;
    const { id, done, words } = Value.Parse(Outcome, JSON.parse(said.toString()));
    if (id !== request.id) return;
    const line = text(Buffer.from(`${words}\n`)) ?? '';
    await withWritableCard(paths.card, async () => {
      const there = (await readPlainFile(paths.outcome, most))?.toString();
      if (there !== line) await writeToCard(paths.outcome, line);
      if (done) await takeRequestAway(paths, request);
    });
  });
  return refused;
}

function text(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const plain = plainText(bytes);
  if (plain === undefined) throw new Error('what the box wrote for the card is no plain text');
  return plain;
}
