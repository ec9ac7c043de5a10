import { boxStateFiles } from '../box/state/state-list.ts';
import { cloudStateFiles } from '../cloud/state-list.ts';
import type { Damage, StateFile } from '../kit/store/state-file.ts';

/** docs/STATE.md: every file that box and cloud keep, and what damage of it means, from their lists. */
export function statePage(): string {
  return `# What is on the disk

<!-- Generated from src/box/state/state-list.ts and src/cloud/state-list.ts by \`npm run docs\`. Do not edit. -->

Damage is never taken for new: a file that is missing, empty, cut short or altered is refused, told, or made again without
harm. *Refused*: the part does not start, and says with this code what to restore, or how to say that a new beginning is meant
([RECOVERY.md](RECOVERY.md)). *Told*: a health condition of this name, on the pages and in \`porchlight status\`. *Anew*: made
again. *Limit*: what cannot be told from a power cut, or not be seen at all; a backup is what helps.

\`npm run soak\` tries it out, file by file ([CONTRIBUTING.md](../CONTRIBUTING.md#soak)). Written how: *replaced* is a
temporary file, fsync and rename; a *store* is SQLite with a log and a full sync before an answer; what is of the *process*
means nothing to the next one.

## Box

Below \`state\` (\`/var/lib/porchlight\`).

${table(boxStateFiles)}
## Cloud

Below \`state\` (\`/var/lib/porchlight-cloud\`).

${table(cloudStateFiles)}`;
}

function table(list: readonly StateFile[]): string {
  const rows = list.map(
    ({ path, what, written, damage }) => `| \`${path}\` | ${what} | ${written} | ${inWords(damage)} |`,
  );
  return ['| file | what | written | damage |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function inWords({ refused, told, remade, limit }: Damage): string {
  const parts = [
    refused === undefined ? undefined : `refused: ${refused.map((code) => `\`${code}\``).join(', ')}`,
    told === undefined ? undefined : `told: \`${told}\``,
    remade === undefined ? undefined : `made again: ${remade}`,
    limit === undefined ? undefined : `limit: ${limit}`,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}
