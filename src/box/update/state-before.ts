import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { moveTo, privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import { isReadOnly } from '../../kit/disk/place.ts';
import { stage } from '../state/pending.ts';
import { TrialMarks } from './trial-marks.ts';
import { machineFolder, stateBeforeFolder } from '../state/folders.ts';

/** Whose state the copy is, and which slot was on trial when it was made. */
const Label = Type.Object({ version: Type.String(), slot: Type.String() });

const ranFile = 'ran';
const labelFile = 'label.json';

/**
 * A new release may change stores so that the one before cannot read them. So, before anything of the state is read: a
 * release on trial first makes a copy, and the one that comes back after it stages that copy, to be carried out as what is
 * pending. Answers whether it did. Throws `storage-failed`: a release on trial that cannot make a copy must not go on.
 */
export async function keepStateBefore(
  stateFolder: string,
  version: string,
  marks = new TrialMarks(),
): Promise<boolean> {
  const folder = join(stateFolder, machineFolder);
  const copy = join(stateFolder, stateBeforeFolder);
  // A release on trial must not go on without a copy; one that has been running needs to note nothing.
  if (isReadOnly(stateFolder) && (await marks.onTrial()) === undefined) return false;
  await privateFolder(folder);
  const ran = await readIfThere(join(folder, ranFile));
  if (ran === version) return false;
  const slot = await marks.onTrial();
  let cameBack = false;
  if (ran !== undefined && slot !== undefined) {
    const label = await labelOf(copy);
    cameBack = label?.version === version && label.slot === slot;
    if (cameBack) await stage(stateFolder, { action: 'restore', kept: [] }, await filesOf(copy));
    else await copyState(stateFolder, folder, { version: ran, slot });
  }
  await writeAtomic(join(folder, ranFile), version);
  return cameBack;
}

/** The release has been found good: nobody comes back for the copy. */
export async function forgetStateBefore(stateFolder: string): Promise<void> {
  await rm(join(stateFolder, stateBeforeFolder), { recursive: true, force: true });
}

async function copyState(
  stateFolder: string,
  folder: string,
  label: { version: string; slot: string },
): Promise<void> {
  const making = join(folder, 'before-making');
  await rm(making, { recursive: true, force: true });
  await privateFolder(making);
  for (const [path, data] of await filesOf(stateFolder)) {
    await privateFolder(dirname(join(making, path)));
    await writeAtomic(join(making, path), data);
  }
  await writeAtomic(join(making, labelFile), JSON.stringify(label));
  await forgetStateBefore(stateFolder);
  await moveTo(making, join(stateFolder, stateBeforeFolder));
}

async function labelOf(copy: string): Promise<{ version: string; slot: string } | undefined> {
  try {
    const text = await readIfThere(join(copy, labelFile));
    return text === undefined ? undefined : Value.Parse(Label, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The files in the folders of `root`, by path; what begins with a dot is of the process, or half a file. */
async function filesOf(root: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (!entry.isFile() || !path.includes('/') || /(^|\/)\./.test(path)) continue;
    files.set(path, await readFile(join(root, path)));
  }
  return files;
}
