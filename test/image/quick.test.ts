import { spawnSync } from '../support/programs.ts';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boards } from '../../image/build/boards.ts';
import { makeBoot } from '../../image/build/disk.ts';
import { grubVariables } from '../../image/build/grub.ts';
import { driversIn } from '../../image/build/initramfs.ts';
import { imageSize, partitions, variablesOffset } from '../../image/build/layout.ts';
import { formatLock, type LockedPackage, parseLock } from '../../image/build/lock.ts';
import { packagesFor } from '../../image/build/packages.ts';
import { systemConf } from '../../image/build/rauc.ts';
import { contentsOf } from '../../image/build/sbom.ts';
import { parseStanzas, parseUris } from '../../image/build/resolve.ts';
import { clampTimes } from '../../image/build/tree.ts';
import { piFaults } from '../../image/build/uboot.ts';
import { temporaryFolder } from '../support/folder.ts';

const image = resolve(import.meta.dirname, '../../image');
const read = (path: string): string => readFileSync(join(image, path), 'utf8');

describe('the lock', () => {
  it.each(['amd64', 'arm64'] as const)(
    'of %s holds all that is asked for, once, of that architecture',
    (architecture) => {
      const { packages, time } = parseLock(read(`lock/${architecture}.txt`));
      expect(time).toBeGreaterThan(Date.UTC(2025, 0) / 1000);
      const names = packages.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const { install, unpack, tools } = packagesFor[architecture];
      expect(names).toEqual(expect.arrayContaining([...install, ...unpack, ...tools]));
      expect(packages.filter((each) => !['all', architecture].includes(each.architecture))).toEqual([]);
      expect(names.filter((name) => name.startsWith('linux-image-'))).toHaveLength(1);
    },
  );

  it('reads back what it wrote', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
    const one: fc.Arbitrary<LockedPackage> = fc.record({
      name: fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,20}$/).filter((name) => !name.includes('..')),
      version: fc
        .stringMatching(/^[0-9]:[0-9][a-z0-9.+~-]{0,10}$/)
        .filter((version) => !version.includes('..')),
      architecture: fc.constantFrom('all', 'amd64', 'arm64'),
      how: fc.constantFrom('install', 'unpack', 'tool'),
      path: fc.constantFrom(
        'debian/pool/main/a/a/a_1.0_all.deb',
        'debian-security/pool/updates/main/b/b_2_arm64.deb',
      ),
      size: fc.integer({ min: 1, max: 2 ** 31 }),
      sha256: hex,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(one, { selector: ({ name }) => name }),
        fc.integer({ min: 1, max: 4e9 }),
        (packages, time) => {
          const back = parseLock(formatLock({ time, packages }));
          expect(back.time).toBe(time);
          expect(back.packages.toSorted(byName)).toEqual(packages.toSorted(byName));
        },
      ),
    );
  });

  it.each([
    '',
    'time today\n',
    'time 2026-01-01T00:00:00.000Z\napt 1 amd64 install 5 00 debian/pool/a.deb\n',
  ])('refuses what is none: %j', (text) => expect(() => parseLock(text)).toThrow(/lock/));

  it('is made of what apt says', () => {
    const path = 'debian-security/pool/updates/main/o/openssl/openssl_3.5.7-1~deb13u3_amd64.deb';
    expect(
      parseUris(`'http://deb.debian.org/${path}' openssl_3.5.7-1~deb13u3_amd64.deb 1508068 MD5Sum:00\n`),
    ).toEqual(new Map([[path, 'openssl']]));
    const stanza = `Package: openssl\nVersion: 3.5.7-1~deb13u3\nArchitecture: amd64\nFilename: pool/updates/main/o/openssl/openssl_3.5.7-1~deb13u3_amd64.deb\nSize: 1508068\nSHA256: ${'ab'.repeat(32)}\n`;
    expect(parseStanzas(stanza)).toMatchObject([{ name: 'openssl', size: 1508068, sha256: 'ab'.repeat(32) }]);
  });
});

function byName(a: LockedPackage, b: LockedPackage): number {
  return a.name < b.name ? -1 : 1;
}

describe('the list of contents', () => {
  it.each(Object.values(boards))(
    'of $name names what is in the image, and not what only built it',
    async (board) => {
      const { packages } = parseLock(read(`lock/${board.architecture}.txt`));
      const checkout = resolve(image, '..');
      const options = {
        checkout,
        packages,
        inside: board.inside,
        name: 'porchlight-x',
        version: '1.2.3',
        time: 1e9,
      };
      const list = JSON.parse(await contentsOf(options)) as {
        spdxVersion: string;
        packages: { SPDXID: string; name: string; versionInfo: string }[];
        relationships: { relatedSpdxElement: string }[];
      };
      expect(list.spdxVersion).toBe('SPDX-2.3');
      const named = list.packages.map(({ name }) => name);
      const installed = packages.filter(({ how }) => how !== 'tool').map(({ name }) => name);
      expect(named).toEqual(
        expect.arrayContaining([...installed, ...board.inside, 'node', 'fastify', 'acme-client']),
      );
      const tools = packages.filter(({ how, name }) => how === 'tool' && !board.inside.includes(name));
      expect(named.filter((name) => name === 'vitest' || tools.some((tool) => tool.name === name))).toEqual(
        [],
      );
      const [, ...inside] = list.packages.map(({ SPDXID }) => SPDXID);
      expect(list.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement)).toEqual(inside);
      expect(new Set(inside).size).toBe(inside.length);
    },
  );
});

describe('the layout', () => {
  it('has its partitions one after the other, behind the boot loader’s variables', () => {
    let end = variablesOffset / 2 ** 20;
    for (const { start, size } of partitions) {
      expect(start).toBeGreaterThanOrEqual(end);
      end = start + size;
    }
    expect(end * 2 ** 20).toBe(imageSize);
    expect(grubVariables).toHaveLength(1024);
  });
});

describe('the boot partition', () => {
  it('has the same bytes for the same files, in whatever order they were made, and what is in folders too', async () => {
    const images: Buffer[] = [];
    for (const names of [
      ['a', 'overlays/b', 'overlays/c', 'd'],
      ['d', 'overlays/c', 'overlays/b', 'a'],
    ]) {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'boot/overlays'), { recursive: true });
      for (const name of names) writeFileSync(join(folder, 'boot', name), name);
      await clampTimes(join(folder, 'boot'), 1e9);
      await makeBoot(join(folder, 'boot'), join(folder, 'boot.img'), 1e9);
      images.push(readFileSync(join(folder, 'boot.img')));
      const { stdout } = spawnSync('mtype', ['-i', join(folder, 'boot.img'), '::overlays/c']);
      expect(stdout.toString()).toBe('overlays/c');
    }
    expect(images[0]?.equals(images[1] ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('configuration files', () => {
  it.skipIf(process.getuid?.() !== 0)('nftables.conf is taken by nft (skipped when not root)', () => {
    const { status, stderr } = spawnSync('unshare', [
      '-n',
      'nft',
      '-c',
      '-f',
      join(image, 'root/etc/nftables.conf'),
    ]);
    expect(`${status} ${stderr.toString()}`).toBe('0 ');
  });

  it('units are understood by systemd', () => {
    const folder = temporaryFolder();
    const units = join(folder, 'usr/lib/systemd/system');
    mkdirSync(units, { recursive: true });
    const from = join(image, 'root/usr/lib/systemd/system');
    const own = readdirSync(from).filter((name) => name.endsWith('.service'));
    for (const name of own) {
      // The programs that it names are in the image, not here.
      writeFileSync(
        join(units, name),
        readFileSync(join(from, name), 'utf8').replaceAll(/^ExecStart=\S+/gm, 'ExecStart=/bin/true'),
      );
    }
    expect(own).not.toEqual([]);
    for (const name of own) {
      const { stderr } = spawnSync('systemd-analyze', [
        'verify',
        '--man=no',
        '--recursive-errors=no',
        join(units, name),
      ]);
      expect(stderr.toString()).toBe('');
    }
  });

  it.each(['root/usr/lib/porchlight/early', 'initramfs/init', 'board/grub/usr/bin/grub-editenv'])(
    '%s is a script',
    (path) => {
      const { status, stderr } = spawnSync('dash', ['-n', join(image, path)]);
      expect(`${status} ${stderr.toString()}`).toBe('0 ');
    },
  );

  it('rauc finds both slots, and everything that it remembers on data', () => {
    for (const board of Object.values(boards)) {
      const text = systemConf(board);
      expect(text.match(/^bootname=(A|B)$/gm)).toEqual(['bootname=A', 'bootname=B']);
      expect(text).toContain(`compatible=porchlight-${board.architecture}\n`);
      expect(text).toContain('data-directory=/data/rauc');
    }
  });
});

/** As a property lies in a device tree: its length and its name by number, then its value. */
const property = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 28, 0, 0, 0, 1]), Buffer.from(text)]);

describe('the initial RAM file system', () => {
  it('has a driver for all that a device tree names, whatever stands in front of the name', () => {
    const aliases = `# Aliases extracted from modules themselves.
alias of:N*T*Cbrcm,bcm2712c0-pinctrlC* pinctrl_brcmstb_bcm2712
alias of:N*T*Cbrcm,bcm2712c0-pinctrl pinctrl_brcmstb_bcm2712
alias of:N*T*Cbrcm,brcmstb-gpio gpio_brcmstb
alias of:N*T*Cregulator-fixed fixed
alias of:N*T*Cbrcm,bcm2711-vc5 vc4
alias platform:bcm2835-wdt bcm2835_wdt
`;
    const one = Buffer.concat([property('brcm,bcm2712c0-pinctrl\0'), property('regulator-fixed\0')]);
    const other = property('brcm,bcm7445-gpio\0brcm,brcmstb-gpio\0brcm,bcm2711-vc5x\0');
    expect(driversIn([one, other], aliases)).toEqual(['fixed', 'gpio_brcmstb', 'pinctrl_brcmstb_bcm2712']);
  });
});

/** With a `mount` that does nothing: the partition of the test is a folder. */
function edit(folder: string, ...args: readonly string[]): string {
  writeFileSync(join(folder, 'mount'), '#!/bin/sh\n', { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync(
    join(image, 'board/grub/usr/bin/grub-editenv'),
    [join(folder, 'grubenv'), ...args],
    {
      env: { PATH: `${folder}:/usr/bin:/bin` },
    },
  );
  expect(`${status} ${stderr.toString()}`).toBe('0 ');
  return stdout.toString();
}

describe('grub-editenv', () => {
  it('sets what RAUC sets, and the count of starts with it; size and form stay', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'grubenv'), grubVariables.replace('A_COUNT=0', 'A_COUNT=2'));
    expect(edit(folder, 'list')).toBe('ORDER=A B\nA_OK=1\nA_TRY=0\nA_COUNT=2\nB_OK=0\nB_TRY=0\nB_COUNT=0\n');
    edit(folder, 'set', 'ORDER=B A', 'B_OK=1', 'B_TRY=0');
    expect(edit(folder, 'list').split('\n').toSorted()).toEqual([
      '',
      'A_COUNT=2',
      'A_OK=1',
      'A_TRY=0',
      'B_COUNT=0',
      'B_OK=1',
      'B_TRY=0',
      'ORDER=B A',
    ]);
    edit(folder, 'set', 'A_OK=1', 'A_TRY=0');
    expect(edit(folder, 'list')).toContain('A_COUNT=0\n');
    const content = readFileSync(join(folder, 'grubenv'), 'latin1');
    expect(content).toHaveLength(1024);
    expect(content).toMatch(/^# GRUB Environment Block\n([A-Z_]+=[^\n]*\n)+#+$/);
  });
});

describe('the Pi’s boot partition', () => {
  const tree = Buffer.from('d00dfeed', 'hex');
  const whole = (): Map<string, Buffer> =>
    new Map([
      ...['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat', 'u-boot.bin'].map(
        (name) => [name, Buffer.from('x')] as const,
      ),
      ...['bcm2712d0', 'porchlight', 'porchlight-pi5'].map(
        (name) => [`overlays/${name}.dtbo`, tree] as const,
      ),
      ...['bcm2837-rpi-3-b', 'bcm2837-rpi-3-b-plus', 'bcm2711-rpi-4-b', 'bcm2712-rpi-5-b'].map(
        (name) => [`${name}.dtb`, tree] as const,
      ),
      ['config.txt', Buffer.from(read('boot/config.txt'))],
      ['boot.scr', Buffer.from('27051956', 'hex')],
      ['boot/vmlinuz', Buffer.from('1f8b', 'hex')],
      ['boot/initrd.img', Buffer.from('28b52ffd', 'hex')],
    ]);

  it('is complete with what the build puts there', () => expect(piFaults(whole())).toEqual([]));

  it('is not without any one of its files', () => {
    for (const name of whole().keys()) {
      const files = whole();
      files.delete(name);
      expect(piFaults(files).join('\n')).toContain(name);
    }
  });

  it('has overlays that are device trees', () => {
    const sources = readdirSync(join(image, 'boot/overlays'));
    expect(sources.map((name) => `overlays/${name.replace('.dts', '.dtbo')}`).toSorted()).toEqual(
      [...whole().keys()].filter((name) => name.startsWith('overlays/')).toSorted(),
    );
    for (const name of sources) {
      const { status, stdout } = spawnSync('dtc', ['-q', '-@', join(image, 'boot/overlays', name)]);
      expect(`${name} ${status}`).toBe(`${name} 0`);
      expect(stdout.readUInt32BE(0)).toBe(0xd00dfeed);
    }
  });

  it('lets U-Boot hear nothing at the Pi 5’s serial port, which stops it there, and the clock run at the others’', () => {
    const [all = '', pi5 = ''] = read('boot/config.txt').split('[pi5]');
    expect(all).toContain('\nenable_uart=1\n');
    expect(pi5).toContain('\nenable_uart=0\n');
  });

  it('says what is in the place of a file', () => {
    const files = whole()
      .set('bcm2712-rpi-5-b.dtb', Buffer.from('<html>'))
      .set('boot.scr', Buffer.from('echo x'));
    expect(piFaults(files)).toEqual([
      'bcm2712-rpi-5-b.dtb is no device tree',
      'boot.scr is no script of U-Boot',
    ]);
  });
});
