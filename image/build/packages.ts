import type { Board } from './boards.ts';

type Architecture = Board['architecture'];

/** Configured in the root file system, with what they depend on. Recommendations are not followed. */
const installed = [
  'avahi-daemon',
  'busybox-static',
  'ca-certificates',
  'dbus',
  'dosfstools',
  'e2fsprogs',
  'fdisk',
  'iproute2',
  'kmod',
  'less',
  'libnss-myhostname',
  'libnss-resolve',
  'netbase',
  'nftables',
  'openssh-server',
  'pagekite',
  'rauc',
  'rauc-service',
  'systemd',
  'systemd-resolved',
  'systemd-sysv',
  'systemd-timesyncd',
  'tzdata',
  'udev',
  'wpasupplicant',
  'zstd',
];

/** Firmware of the radios, only unpacked: nothing in it wants to be configured. */
const radios = ['firmware-brcm80211', 'wireless-regdb'];

export interface PackageChoice {
  install: readonly string[];
  /** Unpacked natively: configuring them (an initramfs, for one) is what takes time under emulation. */
  unpack: readonly string[];
  /** Used by the build, and not in the image. */
  tools: readonly string[];
  /**
   * The kernel, from backports, only unpacked too: new enough for the Pi 5, and older than 6.19, with which Debian 13's RAUC
   * cannot mount a bundle (rauc issue 1842: “Unexpected dm-verity status”).
   */
  kernel: string;
}

export const packagesFor: Readonly<Record<Architecture, PackageChoice>> = {
  amd64: {
    install: installed,
    unpack: [],
    tools: ['grub-pc-bin'],
    kernel: 'linux-image-6.18.15+deb13-cloud-amd64',
  },
  arm64: {
    install: [...installed, 'libubootenv-tool'],
    unpack: radios,
    tools: ['raspi-firmware', 'u-boot-rpi', 'u-boot-qemu'],
    kernel: 'linux-image-6.18.15+deb13-arm64',
  },
};
