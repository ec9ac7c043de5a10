import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from '../support/programs.ts';

/** Where everything lies that must not be lost. */
export interface Disk {
  readonly folder: string;
  /** In words, for the table. */
  readonly kind: string;
  /**
   * The power fails now: what stood on the medium at this moment is all there is. Whoever writes must be stopped (SIGSTOP)
   * when it is called, and dead before `powerOn`.
   */
  powerOff: (() => Promise<void>) | undefined;
  powerOn(): void;
  mount(how: 'ro' | 'rw'): void;
  /** Leaves no room, or makes it again. */
  fill(full: boolean): void;
  close(): void;
}

/** The mount options of the appliance's data partition (image/root/usr/lib/porchlight/early). */
const options = 'noatime,commit=30,errors=remount-ro';
const megabytes = 48;

/**
 * An ext4 file system in a file in memory, by a loop device; a plain folder where that cannot be. The caller is in a mount
 * namespace of its own, with which all of it goes.
 */
export function openDisk(folder: string): Disk {
  const state = join(folder, 'disk');
  mkdirSync(state);
  try {
    return imageDisk(folder, state);
  } catch (error) {
    process.stderr.write(`no power cuts here: ${error instanceof Error ? error.message : String(error)}\n`);
    return {
      folder: state,
      kind: 'a folder',
      powerOff: undefined,
      powerOn: cannot,
      mount: cannot,
      fill: cannot,
      close: () => rmSync(state, { recursive: true, force: true }),
    };
  }
}

const cannot = (): never => {
  throw new Error('this takes an ext4 image, which only root can mount');
};

function imageDisk(folder: string, state: string): Disk {
  const medium = join(folder, 'medium');
  mkdirSync(medium);
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes * 3}m`, 'tmpfs', medium);
  const [image, cut] = [join(medium, 'image'), join(medium, 'cut')];
  run('truncate', '-s', `${megabytes}M`, image);
  run('mkfs.ext4', '-q', '-F', '-b', '4096', image);
  const mount = (): void => run('mount', '-o', `loop,${options}`, image, state);
  mount();
  const ballast = join(state, 'ballast');
  return {
    folder: state,
    kind: 'ext4 on a loop device',
    powerOff: async () => {
      // A copy is of one moment when nothing was written while it was made: the kernel may still write what it had begun.
      for (let before = stamp(image); ; before = stamp(image)) {
        copyFileSync(image, cut);
        if (stamp(image) === before) return;
        await sleep(5);
      }
    },
    powerOn: () => {
      run('umount', state);
      renameSync(cut, image);
      mount();
    },
    mount: (how) => run('mount', '-o', `remount,${how}`, state),
    fill: (full) => {
      rmSync(ballast, { force: true });
      // As much as goes: that it ends with *no space left* is meant.
      if (full) spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k'], { stdio: 'ignore' });
    },
    close: () => {
      run('umount', state);
      run('umount', medium);
    },
  };
}

const stamp = (path: string): string => {
  const { mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${mtimeNs} ${ctimeNs}`;
};

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
}
