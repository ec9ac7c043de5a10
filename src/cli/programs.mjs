// Every program (and by its path, every file) of Debian's that something in src, test or image starts, with the package
// that brings it: the one list. The set-up installs what is missing of it, tests name the package of what is missing, and
// test/programs.test.ts fails for a program that is started anywhere and is not here. Each line: 'program': 'package'.

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
  'systemd-notify': 'systemd',
  'systemd-analyze': 'systemd',
  busctl: 'systemd',
  rauc: 'rauc',
  'dbus-daemon': 'dbus-daemon',
  mksquashfs: 'squashfs-tools',
  nft: 'nftables',
  sfdisk: 'fdisk',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  mtype: 'mtools',
  dtc: 'device-tree-compiler',
  ps: 'procps',
  python3: 'python3',
  '/usr/lib/python3/dist-packages/zeroconf/__init__.py': 'python3-zeroconf',
  '/usr/lib/python3/dist-packages/websockets/__init__.py': 'python3-websockets',
  dig: 'bind9-dnsutils',
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf': 'fonts-dejavu-core',
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
  mcopy: 'mtools',
  'mkfs.vfat': 'dosfstools',
  'mkfs.ext4': 'e2fsprogs',
  sfdisk: 'fdisk',
  depmod: 'kmod',
  cpio: 'cpio',
  xz: 'xz-utils',
  zstd: 'zstd',
  rauc: 'rauc',
  mksquashfs: 'squashfs-tools',
  mkimage: 'u-boot-tools',
  dtc: 'device-tree-compiler',
  'grub-mkimage': 'grub-common',
  openssl: 'openssl',
  'systemd-sysusers': 'systemd',
  newuidmap: 'uidmap',
};

/** `npm run test:image`: the image in virtual machines. */
export const forMachines = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
  'qemu-img': 'qemu-utils',
  '/usr/lib/u-boot/qemu_arm64/u-boot.bin': 'u-boot-qemu',
  ssh: 'openssh-client',
};
