import { readPlainFile, removeFromCard, withWritableCard, writeToCard } from './card-folder.ts';
import { writeToData } from './data-folder.ts';
import type { CardPaths } from './paths.ts';

const most = 65_536;

/**
 * Says what is wrong on the card: in a file beside what is wrong, and to the daemon, which shows it in the console. Writes
 * only what is not said there already.
 */
export async function tell(paths: CardPaths, faults: readonly string[]): Promise<void> {
  await writeToData(paths.cardProblems, faults.length === 0 ? undefined : JSON.stringify(faults), 0o640);
  const said = (await readPlainFile(paths.problems, most).catch(() => undefined))?.toString();
  const text = faults.length === 0 ? undefined : problemsText(faults);
  if (said === text) return;
  await withWritableCard(paths.card, () =>
    text === undefined ? removeFromCard(paths.problems) : writeToCard(paths.problems, text),
  );
}

function problemsText(faults: readonly string[]): string {
  return `What the box found wrong on this card
=====================================

${faults.map((fault) => `- ${fault}`).join('\n')}

Everything else is in use. Where a setting is wrong, the box goes on with what it
was told before; settings that belong together (the Wi-Fi, the cloud, the CA) are
taken together, or not at all. Correct it on any computer, put the card back, and
plug the box in. This file goes when all is well.
`;
}
