// Every program (and by its path, every file) of Debian's that something in src, test or image starts, with the package
// that brings it: the one list. The set-up installs what is missing of it, tests name the package of what is missing, and
// test/programs.test.ts fails for a program that is started anywhere and is not here. Each line: 'program': 'package'.

const systemd = from(
  'systemd',
  '/lib/systemd/systemd busctl journalctl systemctl systemd-analyze systemd-notify systemd-sysusers systemd-tmpfiles',
);
const fileSystems = {
  debugfs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.ext4': 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  'fsck.vfat': 'dosfstools',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  mmd: 'mtools',
  mtype: 'mtools',
};

/** `npm start`. */
export const forStart = {
  pagekite: 'pagekite',
  pebble: 'pebble',
  setpriv: 'util-linux',
  ip: 'iproute2',
};

/** `npm test`. */
export const forTest = {
  ...forStart,
  dnsmasq: 'dnsmasq-base',
  unbound: 'unbound',
  knotd: 'knot',
  'avahi-daemon': 'avahi-daemon',
  udhcpc: 'udhcpc',
  curl: 'curl',
  openssl: 'openssl',
  chromium: 'chromium',
  certutil: 'libnss3-tools',
  ...systemd,
  rauc: 'rauc',
  'dbus-daemon': 'dbus-daemon',
  mksquashfs: 'squashfs-tools',
  nft: 'nftables',
  mmdebstrap: 'mmdebstrap',
  sfdisk: 'fdisk',
  ...fileSystems,
  dtc: 'device-tree-compiler',
  mount: 'mount',
  umount: 'mount',
  ps: 'procps',
  pgrep: 'procps',
  sslscan: 'sslscan',
  faketime: 'faketime',
  python3: 'python3',
  apache2: 'apache2-bin',
  nginx: 'nginx-light',
  litmus: 'litmus',
  unshare: 'util-linux',
  'jupyter-notebook': 'jupyter-notebook',
  '/usr/lib/cockpit/cockpit-ws': 'cockpit-ws',
  '/usr/lib/python3/dist-packages/django': 'python3-django',
  '/usr/lib/python3/dist-packages/ipykernel': 'python3-ipykernel',
  '/usr/lib/python3/dist-packages/zeroconf/__init__.py': 'python3-zeroconf',
  '/usr/lib/python3/dist-packages/websockets/__init__.py': 'python3-websockets',
  dig: 'bind9-dnsutils',
  zsh: 'zsh',
  fish: 'fish',
  'zonemaster-cli': 'zonemaster-cli',
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf': 'fonts-dejavu-core',
};

/** `npm run nightly`, beside what the tests need. */
export const forNightly = {
  named: 'bind9',
  kresd: 'knot-resolver',
  pdns_recursor: 'pdns-recursor',
  rclone: 'rclone',
  restic: 'restic',
  testssl: 'testssl.sh',
};

/** `npm run bench`, beside what the tests need. */
export const forBench = {
  dnsperf: 'dnsperf',
  pdns_server: 'pdns-server',
  pdnsutil: 'pdns-backend-bind',
};

/** `npm run image`. */
export const forImage = {
  mmdebstrap: 'mmdebstrap',
  'arch-test': 'arch-test',
  'qemu-aarch64-static': 'qemu-user-static',
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  strip: 'binutils',
  ...fileSystems,
  ...systemd,
  mount: 'mount',
  sfdisk: 'fdisk',
  depmod: 'kmod',
  modprobe: 'kmod',
  cpio: 'cpio',
  xz: 'xz-utils',
  zstd: 'zstd',
  rauc: 'rauc',
  mksquashfs: 'squashfs-tools',
  mkimage: 'u-boot-tools',
  dtc: 'device-tree-compiler',
  fdtoverlay: 'device-tree-compiler',
  'grub-mkimage': 'grub-common',
  openssl: 'openssl',
  newuidmap: 'uidmap',
};

/** `npm run test:image`: the image in virtual machines. */
export const forMachines = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
  'qemu-img': 'qemu-utils',
  '/usr/lib/u-boot/qemu_arm64/u-boot.bin': 'u-boot-qemu',
  'qemu-io': 'qemu-utils',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
};

/** What the README asks for. */
export const given = { git: 'git', node: 'nodejs', npm: 'npm' };
/** Essential packages (Debian policy, 3.8), and apt: every Debian has them. */
export const everyDebian = {
  bash: 'bash',
  ...from(
    'coreutils',
    'cat chmod chown chroot cp cut dd dirname echo env false head install ln ls mkdir mkfifo mktemp',
  ),
  ...from(
    'coreutils',
    'mv printf readlink rm rmdir seq sleep sort stat sync tail tee test timeout touch tr true',
  ),
  ...from('coreutils', 'sha256sum truncate uname wc'),
  ...from('dash', 'dash sh'),
  which: 'debianutils',
  'apt-config': 'apt',
  'apt-get': 'apt',
  ...from('dpkg', 'dpkg dpkg-deb'),
  ...from('findutils', 'find xargs'),
  grep: 'grep',
  gzip: 'gzip',
  sed: 'sed',
  tar: 'tar',
  ...from('util-linux', 'blkid flock nsenter partx pivot_root setpriv unshare'),
};

/** Started on the box only, by what the image puts there. */
export const onTheBox = {
  busybox: 'busybox',
  switch_root: 'util-linux',
  reboot: 'systemd-sysv',
  modprobe: 'kmod',
};
/** Used where they are there, and done without where not. */
export const ifThere = {
  timedatectl: 'systemd',
  sudo: 'sudo',
  zenity: 'zenity',
  kdialog: 'kdialog',
  'notify-send': 'libnotify-bin',
  'xdg-open': 'xdg-utils',
  // Not Debian's: what brings them.
  h2spec: 'golang-go',
  lighthouse: 'npm',
};

/** @param {string} debian @param {string} programs */
function from(debian, programs) {
  return Object.fromEntries(programs.split(' ').map((program) => [program, debian]));
}
