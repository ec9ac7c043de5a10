import { type ChildProcess, execFileSync, spawn } from '../../support/programs.ts';
import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { vi } from 'vitest';
import { Rauc } from '../../../src/box/update/rauc.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';

const checkout = resolve(import.meta.dirname, '../../..');
export const compatible = 'porchlight-test';

/** Why RAUC cannot be run here; `undefined` when it can. */
export function whyNoRauc(): string | undefined {
  if (process.getuid?.() !== 0) return '(skipped: only root mounts bundles)';
  return existsSync('/dev/loop-control') ? undefined : '(skipped: without loop devices)';
}

/** Which keys sign: the vendor’s, which the machine trusts, or somebody’s. */
type Signer = 'vendor' | 'stranger';

export interface BundleOptions {
  version: string;
  compatible?: string;
  signer?: Signer;
  notes?: string;
}

/**
 * A machine with two slots, as RAUC sees it: the real RAUC with its service on a bus of its own, real signed bundles, files
 * for disks, and a boot loader that keeps its variables in files.
 */
export class RaucLab {
  readonly folder = temporaryFolder();
  readonly bus = `unix:path=${join(this.folder, 'bus')}`;
  readonly config = join(this.folder, 'system.conf');
  readonly trialFolder = join(this.folder, 'trial');
  booted: 'A' | 'B' = 'A';
  readonly rauc = new Rauc({ config: this.config, bus: this.bus, clock: systemClock });
  #daemon: ChildProcess | undefined;
  #service: ChildProcess | undefined;
  #bundles = 0;

  static async open(): Promise<RaucLab> {
    const lab = new RaucLab();
    lab.#prepare();
    try {
      await lab.#startBus();
      await lab.boot('A');
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** The machine starts with this slot; whatever RAUC was doing is cut off. */
  async boot(slot: 'A' | 'B'): Promise<void> {
    this.booted = slot;
    await ended(this.#service);
    // Mounts of its own, which end with it.
    const args = ['-m', 'rauc', '-c', this.config, `--override-boot-slot=${slot}`, 'service'];
    this.#service = spawn('unshare', args, {
      stdio: 'ignore',
      env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: this.bus, PORCHLIGHT_TRIAL_FOLDER: this.trialFolder },
    });
    await vi.waitUntil(
      async () => (await this.rauc.status(AbortSignal.timeout(10_000)))?.booted === slot,
      soon,
    );
  }

  /** A signed bundle with a system of its own; answers its path. */
  bundle(options: BundleOptions): string {
    const { version, signer = 'vendor', notes = `What is new in ${version}.` } = options;
    const folder = join(this.folder, `bundle-${++this.#bundles}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'root.img'), this.system(version));
    writeFileSync(
      join(folder, 'manifest.raucm'),
      `[update]\ncompatible=${options.compatible ?? compatible}\nversion=${version}\ndescription=${notes}\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=root.img\n`,
    );
    const path = `${folder}.raucb`;
    const keys = ['--cert', join(this.folder, `${signer}.crt`), '--key', join(this.folder, `${signer}.key`)];
    execFileSync('/usr/bin/rauc', ['bundle', ...keys, folder, path], { stdio: 'ignore' });
    return path;
  }

  /** What a slot holds that this version was written to: not to be compressed, as real systems are not. */
  system(version: string): Buffer {
    const noise = createCipheriv('aes-128-ctr', createHash('md5').update(version).digest(), Buffer.alloc(16));
    return Buffer.concat([Buffer.from(`system of ${version};`), noise.update(Buffer.alloc(1024 * 1024))]);
  }

  /** The version that a slot holds, and nothing of another. */
  held(slot: 'A' | 'B'): string | undefined {
    const content = readFileSync(this.#disk(slot));
    const version = /^system of ([^;]+);/.exec(content.toString('latin1', 0, 100))?.[1];
    if (version === undefined) return undefined;
    const whole = this.system(version);
    return content.subarray(0, whole.length).equals(whole) ? version : undefined;
  }

  /** As the boot loader has it. */
  get next(): string {
    const first = readFileSync(join(this.folder, 'boot/primary'), 'utf8').trim() === 'A' ? 'A' : 'B';
    const other = first === 'A' ? 'B' : 'A';
    return this.goodOf(first) === 'good' ? first : other;
  }

  goodOf(slot: 'A' | 'B'): string {
    return readFileSync(join(this.folder, `boot/state.${slot}`), 'utf8').trim();
  }

  set next(slot: 'A' | 'B') {
    writeFileSync(join(this.folder, 'boot/primary'), slot);
  }

  async close(): Promise<void> {
    await ended(this.#service);
    await ended(this.#daemon);
  }

  #disk(slot: 'A' | 'B'): string {
    return join(this.folder, `${slot}.img`);
  }

  #prepare(): void {
    const { folder } = this;
    for (const name of ['boot', 'data', 'mnt', 'trial']) mkdirSync(join(folder, name));
    for (const name of ['vendor', 'stranger']) {
      const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];
      execFileSync('/usr/bin/openssl', ['req', '-x509', ...kind, ...files, '-subj', `/CN=${name}`], {
        stdio: 'ignore',
      });
    }
    for (const slot of ['A', 'B'] as const) {
      writeFileSync(this.#disk(slot), this.system('1.0.0'));
      truncateSync(this.#disk(slot), 2 * 1024 * 1024);
      writeFileSync(join(folder, `boot/state.${slot}`), 'good');
    }
    writeFileSync(join(folder, 'boot/primary'), 'A');
    writeFileSync(
      join(folder, 'boot-loader'),
      `#!/bin/sh
cd ${folder}/boot
case $1 in
get-primary) p=$(cat primary); [ "$(cat state.$p)" = good ] || p=$(echo $p | tr AB BA); echo $p ;;
set-primary) echo $2 > primary; echo good > state.$2 ;;
get-state) cat state.$2 ;;
set-state) echo $3 > state.$2 ;;
esac
`,
      { mode: 0o755 },
    );
    writeFileSync(
      this.config,
      `[system]
compatible=${compatible}
bootloader=custom
data-directory=${folder}/data
mountprefix=${folder}/mnt
[keyring]
path=${folder}/vendor.crt
use-bundle-signing-time=true
[handlers]
bootloader-custom-backend=${folder}/boot-loader
pre-install=${checkout}/systemd/porchlight-on-trial
[slot.rootfs.0]
device=${this.#disk('A')}
type=raw
bootname=A
[slot.rootfs.1]
device=${this.#disk('B')}
type=raw
bootname=B
`,
    );
  }

  async #startBus(): Promise<void> {
    const config = join(this.folder, 'bus.conf');
    const kinds = ['method_call', 'method_return', 'signal', 'error'];
    const all = [
      'user="*"',
      'own="*"',
      ...kinds.flatMap((kind) => [`send_type="${kind}"`, `receive_type="${kind}"`]),
    ];
    writeFileSync(
      config,
      `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>${this.bus}</listen><auth>EXTERNAL</auth>
<policy context="default">${all.map((rule) => `<allow ${rule}/>`).join('')}</policy></busconfig>`,
    );
    this.#daemon = spawn('/usr/bin/dbus-daemon', ['--nofork', `--config-file=${config}`], {
      stdio: 'ignore',
    });
    await vi.waitUntil(() => existsSync(join(this.folder, 'bus')), soon);
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
}
