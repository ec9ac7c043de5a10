import { Type } from 'typebox';
import { applyCard } from '../box/card/apply.ts';
import { copyNote } from '../box/card/note-copy.ts';
import { cardPaths } from '../box/card/paths.ts';
import { systemClock } from '../kit/runtime/clock.ts';
import { command, exitCode } from '../kit/config/command.ts';
import { Problem } from '../kit/runtime/errors.ts';

const folder = (preset: string, description: string): ReturnType<typeof Type.String> =>
  Type.String({ default: preset, minLength: 1, description });

const CardConfig = Type.Object({
  card: folder('/boot/firmware', 'the partition of the card that every computer reads'),
  data: folder('/data', 'the partition for what lasts'),
  state: folder('/var/lib/porchlight', 'the box’s state folder'),
  run: folder('/run/porchlight', 'what the box writes for root'),
});

export const cardCommand = command({
  name: 'card',
  summary:
    'On the appliance, as root. apply: takes over porchlight.toml and what else a person put on the card. note: copies the box’s note to the card.',
  operands: 'apply|note',
  config: CardConfig,
  action: async ({ config, operands }, io) => {
    const paths = cardPaths(config);
    const [what] = operands;
    if (operands.length !== 1 || (what !== 'apply' && what !== 'note'))
      throw new Problem('usage', 'say apply or note');
    const faults =
      what === 'apply' ? await applyCard(paths) : await copyNote(paths, new Date(systemClock.now()));
    for (const fault of faults) io.err(`${fault}\n`);
    // What a person wrote wrong is said to them, and fails nothing; what could not be copied is tried again.
    return what === 'note' && faults.length > 0 ? exitCode.failed : exitCode.ok;
  },
});
