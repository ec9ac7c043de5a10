import { spawnSync } from '../support/programs.ts';
import { copyFileSync, openSync, closeSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { partitions, sectorsPerMib } from '../../image/build/layout.ts';
import { temporaryFolder } from '../support/folder.ts';

const early = resolve(import.meta.dirname, '../../image/root/usr/lib/porchlight/early');

/* The card is a file, its data partition another one, so that no loop device is needed: what would mount them does nothing. */
const machine = `set -eu
cd "$1"
mkdir space && mount -t tmpfs tmpfs space
mkdir space/upper space/work space/root
mount -t overlay overlay -o lowerdir=/,upperdir=space/upper,workdir=space/work space/root
root=$PWD/space/root
mount --bind /proc $root/proc
mount -t tmpfs tmpfs $root/sys
mount -t tmpfs tmpfs $root/dev
mount -t tmpfs tmpfs $root/run
mkdir -p $root/sys/class/block/card $root/sys/class/block/card4 $root/stand-in $root/data $root/boot/firmware
echo $(($(stat -c %s card) / 512)) > $root/sys/class/block/card/size
echo $3 > $root/sys/class/block/card4/start
echo $4 > $root/sys/class/block/card4/size
mkfifo $root/dev/kmsg; cat <> $root/dev/kmsg > kmsg & ear=$!
: > $root/dev/card; : > $root/dev/card4; : > $root/dev/null
mount --bind card $root/dev/card
mount --bind card4 $root/dev/card4
for name in mount partx fsck.vfat; do printf '#!/bin/sh\\n' > $root/stand-in/$name; done
chmod +x $root/stand-in/*
cp "$2" $root/stand-in/early
mkdir -p $root/data/etc
# What a power cut left of an earlier start.
echo half > $root/data/etc/machine-id.new
for start in 1 2; do
  chroot $root env PATH=/stand-in:/usr/sbin:/usr/bin:/sbin:/bin sh /stand-in/early /dev/card
  cat $root/etc/machine-id $root/etc/fw_env.config
done
sleep 0.2; kill $ear
cat kmsg`;

const canTry = process.getuid?.() === 0 && tried('unshare', '-m', 'true');
if (!canTry)
  process.stderr.write('SKIPPED: the data partition at a start, because only root may make the namespace\n');

function tried(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0;
}

function must(program: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(program, args, { input });
  expect(`${program}: ${status} ${status === 0 ? '' : stderr.toString()}`).toBe(`${program}: 0 `);
  return stdout.toString();
}

const table = [
  'label: dos',
  ...partitions.map(
    ({ start, size }) => `start=${start * sectorsPerMib}, size=${size * sectorsPerMib}, type=83`,
  ),
].join('\n');

describe.skipIf(!canTry)('the data partition at a start', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const data = at('card4');
  const dataMib = 256;

  beforeAll(() => {
    writeFileSync(at('card'), '');
    truncateSync(at('card'), 2 ** 31);
    must('sfdisk', ['-q', at('card')], table);
    // As after the first start, when it has grown: there are copies of the superblock.
    writeFileSync(at('whole'), '');
    truncateSync(at('whole'), dataMib * 2 ** 20);
    must('mkfs.ext4', ['-q', '-F', '-b', '4096', at('whole')]);
    writeFileSync(at('kept'), 'the identity\n');
    must('debugfs', ['-w', '-R', `write ${at('kept')} kept`, at('whole')]);
  });

  function start(): string[] {
    const begins = partitions[3].start;
    const args = [
      '-m',
      'sh',
      '-c',
      machine,
      'sh',
      folder,
      early,
      begins * sectorsPerMib,
      dataMib * sectorsPerMib,
    ];
    const said = must('unshare', args.map(String)).trimEnd().split('\n');
    spawnSync('rmdir', [at('space')]);
    return said;
  }
  const content = (): string => must('debugfs', ['-R', 'cat kept', data]);

  it('is as large as the card, the other partitions stay, and the machine keeps its id', () => {
    copyFileSync(at('whole'), data);
    const [id, variables, idThen, , ...said] = start();
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(idThen).toBe(id);
    expect(variables).toBe('/dev/card 0xff000 0x200');
    expect(said.join('\n')).toContain('the data partition grows');
    expect(content()).toBe('the identity\n');
    const { partitiontable } = JSON.parse(must('sfdisk', ['--json', at('card')])) as {
      partitiontable: { partitions: { start: number; size: number }[] };
    };
    const found = partitiontable.partitions.map(({ start: first, size }) => [first, size]);
    const wanted = partitions.map(({ start: first, size }) => [first * sectorsPerMib, size * sectorsPerMib]);
    expect(found.slice(0, 3)).toEqual(wanted.slice(0, 3));
    expect(found[3]).toEqual([wanted[3]?.[0], 2 ** 22 - (wanted[3]?.[0] ?? 0)]);
  });

  it.each([
    ['is gone', Buffer.alloc(4096), 0],
    ['is half written', Buffer.alloc(512), 1024 + 512],
    ['is nonsense', Buffer.alloc(200, 'x'), 1024 + 100],
  ])('is mended from a copy when its beginning %s', (_, bytes, position) => {
    copyFileSync(at('whole'), data);
    const file = openSync(data, 'r+');
    writeSync(file, bytes, 0, bytes.length, position);
    closeSync(file);
    expect(start().join('\n')).not.toContain('made anew');
    expect(content()).toBe('the identity\n');
  });

  it('is made anew when there is nothing of it, and once only', () => {
    writeFileSync(data, '');
    truncateSync(data, dataMib * 2 ** 20);
    expect(
      start()
        .join('\n')
        .match(/made anew/g),
    ).toHaveLength(1);
    must('e2fsck', ['-n', '-f', data]);
  });
});
