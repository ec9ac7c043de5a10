import { existsSync } from 'node:fs';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from './boards.ts';
import { diskId } from './layout.ts';
import { run } from './run.ts';

export interface SigningKey {
  key: string;
  certificate: string;
}

/** RAUC's system.conf(5) for a board: two slots, and everything it remembers on data. */
export function systemConf(board: Board): string {
  const loader =
    board.bootloader === 'grub'
      ? 'bootloader=grub\ngrubenv=/boot/firmware/grubenv'
      : 'bootloader=uboot\nboot-attempts=3\nboot-attempts-primary=3';
  return `[system]
compatible=porchlight-${board.architecture}
${loader}
bundle-formats=verity
data-directory=/data/rauc

[keyring]
path=/etc/rauc/keyring.pem
# A box may have no right clock; what counts is that the certificate was valid when the bundle was signed.
use-bundle-signing-time=true

[handlers]
pre-install=/usr/lib/porchlight/porchlight-on-trial

[slot.system.0]
device=/dev/disk/by-partuuid/${diskId}-02
type=raw
bootname=A

[slot.system.1]
device=/dev/disk/by-partuuid/${diskId}-03
type=raw
bootname=B
`;
}

/** The key for images that are not for others: made once, kept in `folder`, outside any checkout. */
export async function developmentKey(folder: string): Promise<SigningKey> {
  const found = {
    key: join(folder, 'development.key.pem'),
    certificate: join(folder, 'development.cert.pem'),
  };
  if (existsSync(found.certificate)) return found;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:3072',
    '-nodes',
    '-sha256',
    '-days',
    '7300',
    '-subj',
    '/CN=Porchlight development',
    '-addext',
    'keyUsage=critical,digitalSignature',
    '-keyout',
    found.key,
    '-out',
    `${found.certificate}.new`,
  ]);
  await run('mv', [`${found.certificate}.new`, found.certificate]);
  return found;
}

/** A signed bundle with the slot's content, for RAUC on a box with the certificate in its keyring. */
export async function makeBundle(options: {
  board: Board;
  slot: string;
  version: string;
  description: string;
  signing: SigningKey;
  work: string;
  file: string;
}): Promise<void> {
  const { board, slot, version, description, signing, work, file } = options;
  const folder = join(work, 'bundle');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await link(slot, join(folder, 'system.img'));
  await writeFile(
    join(folder, 'manifest.raucm'),
    `[update]
compatible=porchlight-${board.architecture}
version=${version}
description=${description.replaceAll(/\s+/g, ' ')}

[bundle]
format=verity

[image.system]
filename=system.img
`,
  );
  await rm(file, { force: true });
  await run('rauc', [
    'bundle',
    '--cert',
    signing.certificate,
    '--key',
    signing.key,
    '--mksquashfs-args=-comp zstd -Xcompression-level 9 -no-progress',
    folder,
    file,
  ]);
}
