import { spawnSync } from '../support/programs.ts';
import { rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { boards } from '../../image/build/boards.ts';
import { layout, partitions } from '../../image/build/layout.ts';
import { developmentKey, makeBundle, type SigningKey } from '../../image/build/rauc.ts';
import { builtImage } from './vm.ts';

export interface BundleOptions {
  /** SemVer 2; newer than the image's to be taken. */
  version: string;
  /** A folder of the test's own; the bundle is left there. */
  folder: string;
  /** Commands for debugfs(8) that change the slot's content, e.g. `rm /boot/initrd.img`. */
  changes?: readonly string[];
  /** Another key than the one that the image trusts. */
  signing?: SigningKey;
}

/** A bundle with the slot of the built amd64 image, under another version and with what the test changes in it. */
export async function bundleOf({ version, folder, changes = [], signing }: BundleOptions): Promise<string> {
  const slot = join(folder, 'slot.img');
  const [, { start }] = partitions;
  ran(
    'dd',
    `if=${builtImage()}`,
    `of=${slot}`,
    'bs=1M',
    `skip=${start}`,
    `count=${layout.slotSize}`,
    'conv=sparse',
    'status=none',
  );
  if (changes.length > 0) {
    const commands = join(folder, 'changes');
    writeFileSync(commands, changes.map((line) => `${line}\n`).join(''));
    ran('debugfs', '-w', '-f', commands, slot);
  }
  const file = join(folder, `${version}.raucb`);
  await makeBundle({
    board: boards.amd64,
    slot,
    version,
    description: 'Of a test.',
    signing: signing ?? (await developmentKey(keyFolder())),
    work: folder,
    file,
  });
  rmSync(slot);
  return file;
}

/** Where `npm run image` keeps the development key. */
function keyFolder(): string {
  const { XDG_DATA_HOME: data = join(homedir(), '.local/share') } = process.env;
  return join(data, 'porchlight-image');
}

/** A key pair that no image trusts. */
export function strangersKey(folder: string): Promise<SigningKey> {
  return developmentKey(join(folder, 'stranger'));
}

function ran(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.toString()}`);
}
