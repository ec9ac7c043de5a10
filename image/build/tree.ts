import { glob, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from './boards.ts';
import { installFile } from './copy.ts';
import type { FetchedPackage } from './fetch.ts';
import { run } from './run.ts';

/** How the units of systemd/ start the program in a checkout, and how an image does. */
const startsInCheckout = '/usr/lib/porchlight/node_modules/.bin/node /usr/lib/porchlight/src/cli/main.ts';
const startsInImage = '/usr/bin/porchlight';

/** Units that a box needs; the cloud's stay out. */
const boxUnit = /^porchlight-(?!cloud|app|dns-server|relay|mailbox|registration-server)/;

/** Unpacks the root archive (without devices: the kernel makes those) and, natively, the packages that need no configuring. */
export async function unpackTree(
  tree: string,
  archive: string,
  packages: readonly FetchedPackage[],
): Promise<void> {
  await mkdir(tree, { recursive: true });
  await run('tar', ['--numeric-owner', '--xattrs', '--exclude=./dev/*', '-xpf', archive, '-C', tree]);
  for (const { how, file } of packages) if (how === 'unpack') await run('dpkg-deb', ['-x', file, tree]);
}

/** Our files, units and users, and the few places that have to be there for what is mounted or linked at run time. */
export async function furnishTree(tree: string, checkout: string, board: Board): Promise<void> {
  const at = (path: string): string => join(tree, path);
  await run('cp', ['-rT', '--preserve=mode', join(checkout, 'image/root'), tree]);
  if (board.bootloader === 'grub') {
    await run('cp', ['-rT', '--preserve=mode', join(checkout, 'image/board/grub'), tree]);
  }
  await installUnits(tree, join(checkout, 'systemd'));
  for (const path of [
    'data',
    'boot/firmware',
    'var/lib/porchlight',
    'var/lib/porchlight-update',
    'var/log/journal',
  ]) {
    await mkdir(at(path), { recursive: true });
  }
  await mkdir(at('var/lib/systemd/timesync'), { recursive: true });
  // Its time, that of the image (`clampTimes`), is the earliest that systemd believes: a Pi's clock begins in 1970.
  await writeFile(at('usr/lib/clock-epoch'), '');
  // What a card's settings become lies on data; see the constants of src/box/card/paths.ts.
  for (const [path, target] of [
    ['etc/porchlight', '/data/etc/porchlight'],
    ['etc/wpa_supplicant', '/data/etc/wpa_supplicant'],
    ['etc/localtime', '/data/etc/localtime'],
    // There is nobody to sign in at a console, and ssh listens on the network alone.
    ['etc/systemd/system-generators/systemd-getty-generator', '/dev/null'],
    ['etc/systemd/system-generators/systemd-ssh-generator', '/dev/null'],
  ] as const) {
    await rm(at(path), { recursive: true, force: true });
    await mkdir(join(at(path), '..'), { recursive: true });
    await symlink(target, at(path));
  }
  // Which radio channels a country allows: what update-alternatives(1) would link, were the package configured.
  for (const name of board.architecture === 'arm64' ? ['regulatory.db', 'regulatory.db.p7s'] : []) {
    await symlink(`${name}-debian`, at(`usr/lib/firmware/${name}`));
  }
  await run('systemd-sysusers', [`--root=${tree}`]);
  await run('systemctl', [`--root=${tree}`, 'preset-all']);
}

async function installUnits(tree: string, folder: string): Promise<void> {
  const units = join(tree, 'usr/lib/systemd/system');
  for (const name of (await readdir(folder)).filter((name) => boxUnit.test(name))) {
    const from = join(folder, name);
    if (/\.(service|path|timer|socket|mount)$/.test(name)) {
      await writeFile(
        join(units, name),
        (await readFile(from, 'utf8')).replaceAll(startsInCheckout, startsInImage),
      );
    } else if (!name.includes('.')) {
      await installFile(from, join(tree, 'usr/lib/porchlight', name), 0o755);
    }
  }
  const dropIns = join(units, 'porchlight-box.service.d');
  await mkdir(dropIns, { recursive: true });
  for (const name of ['back-off.conf', 'journal.conf'])
    await installFile(join(folder, name), join(dropIns, name));
  await installFile(join(folder, 'porchlight.sysusers'), join(tree, 'usr/lib/sysusers.d/porchlight.conf'));
  await installFile(join(folder, 'porchlight.tmpfiles'), join(tree, 'usr/lib/tmpfiles.d/porchlight.conf'));
  await installFile(
    join(folder, 'porchlight-rauc.conf'),
    join(tree, 'etc/dbus-1/system.d/porchlight-rauc.conf'),
  );
}

/** Drivers of machines and things that no box is. */
const needlessModules = [
  'arch/x86/kvm',
  'drivers/accel',
  'drivers/bluetooth',
  'drivers/comedi',
  'drivers/edac',
  'drivers/fpga',
  'drivers/gpu',
  'drivers/greybus',
  'drivers/hid',
  'drivers/iio',
  'drivers/infiniband',
  'drivers/input',
  'drivers/isdn',
  'drivers/media',
  'drivers/mtd',
  'drivers/net/can',
  'drivers/net/ethernet/chelsio',
  'drivers/net/ethernet/intel',
  'drivers/net/ethernet/marvell',
  'drivers/net/ethernet/mellanox',
  'drivers/net/ethernet/netronome',
  'drivers/net/ethernet/qlogic',
  'drivers/net/ethernet/broadcom/bnx2x',
  'drivers/net/ethernet/broadcom/bnxt',
  'drivers/net/wireless/ath',
  'drivers/net/wireless/intel',
  'drivers/net/wireless/intersil',
  'drivers/net/wireless/marvell',
  'drivers/net/wireless/mediatek',
  'drivers/net/wireless/realtek',
  'drivers/net/wireless/silabs',
  'drivers/net/wireless/ti',
  'drivers/net/wwan',
  'drivers/nfc',
  'drivers/platform',
  'drivers/scsi',
  'drivers/staging/media',
  'drivers/target',
  'drivers/video',
  'fs/afs',
  'fs/btrfs',
  'fs/ceph',
  'fs/gfs2',
  'fs/jfs',
  'fs/nfs',
  'fs/nfsd',
  'fs/ocfs2',
  'fs/smb',
  'fs/ubifs',
  'fs/xfs',
  'net/bluetooth',
  'net/ceph',
  'net/openvswitch',
  'net/sctp',
  'net/tipc',
  'sound',
];
/** In folders above, and still needed: USB disks, and the multi-queue core of storage. */
const neededModules = /\/(scsi_common|scsi_mod|sd_mod|virtio_scsi|scsi_transport_\w+)\.ko/;

/** Removes drivers that no box needs, and tells modprobe what is left. Answers the kernel's version. */
export async function pruneModules(tree: string): Promise<string> {
  const modules = join(tree, 'usr/lib/modules');
  const [version] = await readdir(modules);
  if (version === undefined) throw new Error('there is no kernel in the root file system');
  for (const folder of needlessModules) {
    const path = join(modules, version, 'kernel', folder);
    const files = await readdir(path, { recursive: true }).catch(() => [] as string[]);
    for (const file of files) {
      if (file.endsWith('.ko.xz') && !neededModules.test(`/${file}`)) await rm(join(path, file));
    }
  }
  await run('depmod', ['-b', join(tree, 'usr'), version]);
  return version;
}

/** Takes out what was made by the build and belongs to one machine, or is of no use in an image that is never installed into. */
export async function cleanTree(tree: string): Promise<void> {
  const gone = [
    'etc/apt',
    'etc/machine-id',
    'etc/ssh/ssh_host_ecdsa_key',
    'etc/ssh/ssh_host_ecdsa_key.pub',
    'etc/ssh/ssh_host_ed25519_key',
    'etc/ssh/ssh_host_ed25519_key.pub',
    'etc/ssh/ssh_host_rsa_key',
    'etc/ssh/ssh_host_rsa_key.pub',
    'etc/.pwd.lock',
    'etc/passwd-',
    'etc/group-',
    'etc/shadow-',
    'etc/gshadow-',
    'var/lib/dbus/machine-id',
    'var/lib/systemd/random-seed',
    'var/lib/systemd/credential.secret',
    'var/lib/dpkg/info',
    'var/lib/dpkg/status-old',
    'var/cache/debconf',
    'var/cache/ldconfig',
    'var/log/apt',
    'var/log/dpkg.log',
    'var/log/alternatives.log',
    'var/log/bootstrap.log',
    'usr/lib/python3.13/test',
    'usr/lib/python3.13/idlelib',
    'usr/lib/python3.13/ensurepip',
    'usr/lib/python3.13/turtledemo',
    'usr/share/doc/pagekite',
  ];
  for (const path of gone) await rm(join(tree, path), { recursive: true, force: true });
  // The kernel's map and settings; its device trees are on the boot partition, where the firmware looks.
  const ofKernel = ['boot/System.map-*', 'boot/config-*', 'usr/lib/linux-image-*', 'usr/lib/modules/*/dtb'];
  for await (const path of glob(ofKernel, { cwd: tree })) await rm(join(tree, path), { recursive: true });
  await writeFile(join(tree, 'etc/machine-id'), '');
}

/** No file is younger than the image, so that the same inputs give the same bytes. */
export async function clampTimes(tree: string, time: number): Promise<void> {
  const younger = [
    '-newermt',
    `@${time}`,
    '-exec',
    'touch',
    '--no-dereference',
    `--date=@${time}`,
    '{}',
    '+',
  ];
  await run('find', [tree, ...younger]);
}
