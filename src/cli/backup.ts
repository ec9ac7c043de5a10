import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { Backups } from '../box/backup/backups.ts';
import { placeOf } from '../box/backup/contents.ts';
import { carryOut } from '../box/state/pending.ts';
import { BoxConfig } from '../box/config.ts';
import { trustOf } from '../box/installation.ts';
import { version } from '../kit/runtime/program.ts';
import { systemClock } from '../kit/runtime/clock.ts';
import { type Command, command, exitCode } from '../kit/config/command.ts';
import { codeOf, messageOf, Problem } from '../kit/runtime/errors.ts';
import { writeAtomic } from '../kit/store/files.ts';
import { lockFolder } from '../kit/store/lock.ts';
import { asOwnerOf } from './as-owner.ts';
import { askControl } from './ask-control.ts';
import { askPassphrase } from './passphrase.ts';
import { boxFile } from './box-file.ts';

const shared = { config: BoxConfig, file: boxFile } as const;

/** The box that runs is asked; of one that does not, the state folder is worked on. */
async function eitherWay<T>(asked: () => Promise<T>, alone: () => Promise<T>): Promise<T> {
  try {
    return await asked();
  } catch (error) {
    if (codeOf(error) !== 'box-not-running') throw error;
    return alone();
  }
}

/** Works on the state of a box that does not run, and carries out what is pending then. Throws `state-in-use`. */
async function withState<T>(config: BoxConfig, action: (backups: Backups) => Promise<T>): Promise<T> {
  return asOwnerOf(config.state, () => locked(config, action));
}

async function locked<T>(config: BoxConfig, action: (backups: Backups) => Promise<T>): Promise<T> {
  const lock = lockFolder(config.state);
  try {
    const backups = new Backups({
      stateFolder: config.state,
      name: () => config.name,
      place: placeOf(config, await trustOf(config)),
      version: await version(),
      clock: systemClock,
      restart: () => undefined,
    });
    const result = await action(backups);
    await carryOut(config.state);
    return result;
  } finally {
    lock.release();
  }
}

function fileIn(operands: readonly string[]): string {
  const [file, ...more] = operands;
  if (file === undefined || more.length > 0) throw new Problem('usage', 'name one file');
  return file;
}

const Made = Type.Object({ backup: Type.String() });

const backupCommand = command({
  ...shared,
  name: 'backup',
  summary:
    'Writes identity, certificate, people and settings to a file that only the passphrase opens. It is asked for, or the first line of the input.',
  operands: 'FILE',
  action: async ({ config, operands }, io) => {
    const file = fileIn(operands);
    const passphrase = await askPassphrase(io, { again: true });
    const bytes = await eitherWay(
      async () => {
        const call = { method: 'POST', path: '/backup', body: { passphrase }, answer: Made } as const;
        return Buffer.from((await askControl(config.state, call)).backup, 'base64');
      },
      () => withState(config, (backups) => backups.make(passphrase)),
    );
    await writeAtomic(file, bytes);
    io.out(
      `${file}: ${Math.ceil(bytes.length / 1000)} kB. Without the passphrase it is worth nothing: keep both.\n`,
    );
    return exitCode.ok;
  },
});

const Restored = Type.Object({ boxId: Type.String(), name: Type.String() });

const restoreCommand = command({
  ...shared,
  name: 'restore',
  summary:
    'Makes this box the one of a backup: what it was before is gone. The passphrase is asked for, or read.',
  operands: 'FILE',
  action: async ({ config, operands }, io) => {
    const file = await contentOf(fileIn(operands));
    const passphrase = await askPassphrase(io, { again: false });
    const body = { passphrase, backup: file.toString('base64') };
    const { boxId, name } = await eitherWay<{ boxId: string; name: string }>(
      () => askControl(config.state, { method: 'POST', path: '/restore', body, answer: Restored }),
      () => withState(config, (backups) => backups.restore(file, passphrase)),
    );
    io.out(
      `This box is “${name}” now, box id ${boxId}. The box that the backup is of must not run beside it.\n`,
    );
    return exitCode.ok;
  },
});

const resetCommand = command({
  ...shared,
  name: 'reset',
  summary:
    'Forgets people, their apps and settings, and makes a new setup code. The box keeps its name and certificate.',
  switches: {
    'forget-identity': 'forget the name and the certificate too: it is a new box then, at a new address',
    yes: 'it is meant',
  },
  action: async ({ config, switches }, io) => {
    if (!switches.has('yes')) throw new Problem('usage', 'this cannot be undone; add --yes when it is meant');
    const body = { forgetIdentity: switches.has('forget-identity') };
    await eitherWay(
      () => askControl(config.state, { method: 'POST', path: '/reset', body }),
      () => withState(config, (backups) => backups.reset(body)),
    );
    io.out('The box has forgotten its people. Its setup code is in the output of `porchlight status`.\n');
    return exitCode.ok;
  },
});

async function contentOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Problem('usage', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

export const backupCommands: readonly Command[] = [backupCommand, restoreCommand, resetCommand];
