import { createHash } from 'node:crypto';
import { open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { diskId, imageSize, layout, partitions, sectorsPerMib } from './layout.ts';
import { run } from './run.ts';

/** A UUID that is the same for the same text. */
export function fixedUuid(text: string): string {
  const hex = createHash('sha256').update(`porchlight ${text}`).digest('hex');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

/** An ext4 file system of exactly this content: a read-only slot has no journal, and no feature that U-Boot cannot read. */
export async function makeSlot(tree: string, file: string, time: number): Promise<void> {
  const uuid = fixedUuid('slot');
  await rm(file, { force: true });
  await run(
    'mkfs.ext4',
    [
      '-q',
      '-F',
      '-b',
      '4096',
      '-m',
      '0',
      '-L',
      'system',
      '-U',
      uuid,
      '-N',
      '32768',
      '-O',
      '^has_journal,^metadata_csum_seed,^orphan_file,^64bit,^resize_inode',
      '-E',
      `hash_seed=${uuid},lazy_itable_init=0`,
      '-d',
      tree,
      file,
      `${layout.slotSize}M`,
    ],
    { env: { E2FSPROGS_FAKE_TIME: String(time), SOURCE_DATE_EPOCH: String(time) } },
  );
  await fixChangeTimes(tree, file, time);
}

/** mkfs.ext4 takes over when the build last touched and read each file; nobody can set the former but in the image itself. */
async function fixChangeTimes(tree: string, file: string, time: number): Promise<void> {
  const numbers = (await run('find', [tree, '-printf', '%i\\n'])).toString().trim().split('\n');
  // The root is 2; 11 is lost+found, and the rest follows one after the other.
  const last = 11 + new Set(numbers).size - 1;
  const inodes = [2, ...Array.from({ length: last - 10 }, (_, index) => index + 11)];
  const commands = inodes.flatMap((inode) =>
    ['ctime', 'atime'].map((field) => `set_inode_field <${inode}> ${field} @${time}\n`),
  );
  await run('debugfs', ['-w', '-f', '-', file], {
    input: commands.join(''),
    env: { E2FSPROGS_FAKE_TIME: String(time) },
  });
}

/** The empty data partition: with a journal, and room in its tables to grow to the size of any card. */
export async function makeData(file: string, time: number): Promise<void> {
  const uuid = fixedUuid('data');
  await rm(file, { force: true });
  await run(
    'mkfs.ext4',
    [
      '-q',
      '-F',
      '-b',
      '4096',
      '-i',
      '16384',
      '-m',
      '1',
      '-L',
      'data',
      '-U',
      uuid,
      '-O',
      '^orphan_file',
      '-E',
      `hash_seed=${uuid},lazy_itable_init=0,lazy_journal_init=0,resize=134217728`,
      file,
      `${layout.dataSize}M`,
    ],
    { env: { E2FSPROGS_FAKE_TIME: String(time), SOURCE_DATE_EPOCH: String(time) } },
  );
}

/** The FAT partition, with everything below `folder` in it. */
export async function makeBoot(folder: string, file: string, time: number): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, '');
  await truncate(file, layout.bootSize * 2 ** 20);
  const env = { SOURCE_DATE_EPOCH: String(time), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };
  await run('mkfs.vfat', ['--invariant', '-F', '32', '-s', '1', '-n', 'PORCHLIGHT', '-i', diskId, file], {
    env,
  });
  // One folder after the other, each in order: mcopy itself would take a folder's files as the machine's disk has them.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  for (const from of [folder, ...folders.toSorted()]) {
    const to = `::${relative(folder, from)}`;
    if (from !== folder) await run('mmd', ['-i', file, to], { env });
    const names = entries
      .filter((entry) => entry.isFile() && entry.parentPath === from)
      .map(({ name }) => name);
    const paths = names.toSorted().map((name) => join(from, name));
    if (paths.length > 0) await run('mcopy', ['-i', file, '-m', '-Q', ...paths, to], { env });
  }
}

/** Joins the partitions under a table (MBR with a fixed id). `areas` are written in front of the first partition. */
export async function joinDisk(
  file: string,
  parts: { boot: string; slot: string; data: string },
  areas: readonly { at: number; content: Buffer }[],
): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, '');
  await truncate(file, imageSize);
  const table = [
    'label: dos',
    `label-id: 0x${diskId}`,
    ...partitions.map(
      ({ number, start, size }) =>
        `start=${start * sectorsPerMib}, size=${size * sectorsPerMib}, type=${number === 1 ? 'c, bootable' : '83'}`,
    ),
  ];
  await run('sfdisk', ['-q', file], { input: `${table.join('\n')}\n` });
  const contents = [parts.boot, parts.slot, undefined, parts.data];
  for (const [index, { start }] of partitions.entries()) {
    const content = contents[index];
    if (content === undefined) continue;
    await run('dd', [
      `if=${content}`,
      `of=${file}`,
      'bs=1M',
      `seek=${start}`,
      'conv=notrunc,sparse',
      'status=none',
    ]);
  }
  const disk = await open(file, 'r+');
  try {
    for (const { at, content } of areas) await disk.write(content, 0, content.length, at);
  } finally {
    await disk.close();
  }
}
