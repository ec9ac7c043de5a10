import { type ChildProcess, spawn, spawnSync } from '../support/programs.ts';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { layout } from '../../image/build/layout.ts';
import { freePort } from '../../src/cli/home/free-port.ts';

const { PORCHLIGHT_IMAGES: built = resolve(import.meta.dirname, '../../dist/image') } = process.env;

/** The image that `npm run image -- --board amd64` leaves, or one in the folder that PORCHLIGHT_IMAGES names. */
export const builtImage = (board: 'amd64' | 'virt' = 'amd64'): string =>
  join(built, `porchlight-${board}.img`);

/** Why a machine cannot be started here, in words; `undefined` when it can. */
export function noMachine(board: 'amd64' | 'virt' = 'amd64'): string | undefined {
  for (const program of [qemu[board], 'qemu-img', 'qemu-io', 'mcopy', 'ssh', 'ssh-keygen']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `there is no ${program} here`;
  }
  if (!existsSync(builtImage(board))) return `there is no image: npm run image -- --board ${board}`;
  return undefined;
}

const qemu = { amd64: 'qemu-system-x86_64', virt: 'qemu-system-aarch64' } as const;

/** KVM of a kind that runs any kernel: a host without hardware's help (PVM) also has /dev/kvm. */
function hasKvm(): boolean {
  return existsSync('/dev/kvm') && ['kvm_intel', 'kvm_amd'].some((name) => existsSync(`/sys/module/${name}`));
}

export interface VmOptions {
  /** A raw image; it is not changed. */
  image?: string;
  board?: 'amd64' | 'virt';
  /** MiB of the card that the image was flashed to. */
  card?: number;
  /** Further lines of porchlight.toml; the key for ssh is there already. */
  toml?: string;
  /** Further files on the FAT partition, by name. */
  files?: Readonly<Record<string, string | Buffer>>;
  /** What is written counts as written only when the host has it: for a power cut. */
  durable?: boolean;
  /** With a hardware watchdog. An emulated machine on a busy host may stall for longer than the 14 s it allows. */
  watchdog?: boolean;
  /** Seconds since 1970 that the machine's clock says at its start. */
  clock?: number;
  /** Instead of a network behind QEMU's own NAT: one of the test's. */
  network?: MachineNetwork;
}

interface MachineNetwork {
  /** A tap device. */
  tap: string;
  mac: string;
  /** The machine's address there. */
  address: string;
  /** Words in front of QEMU (`ip netns exec NAME`), so that it finds the device. */
  within: readonly string[];
  /** Words in front of ssh, so that it finds the machine. */
  from: readonly string[];
}

export interface Answer {
  code: number | null;
  out: string;
  err: string;
}

/** A virtual machine with the built image on a card of its own, which lives until `remove`. */
export class Vm {
  readonly folder = mkdtempSync(join(tmpdir(), 'porchlight-vm-'));
  readonly board: 'amd64' | 'virt';
  readonly #options: VmOptions;
  #process: ChildProcess | undefined;
  #ports: { ssh: number; https: number; http: number } | undefined;
  #starts = 0;

  constructor(options: VmOptions = {}) {
    this.#options = options;
    this.board = options.board ?? 'amd64';
    const { image = builtImage(this.board), card = 4096, toml = '', files = {} } = options;
    ran('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', this.#key);
    ran('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image, this.#card, `${card}M`);
    const key = readFileSync(`${this.#key}.pub`, 'utf8').trim();
    this.writeToCard({ 'porchlight.toml': `${toml}\n[ssh]\nkeys = ["${key}"]\n`, ...files });
  }

  get #key(): string {
    return join(this.folder, 'key');
  }

  get #card(): string {
    return join(this.folder, 'card.qcow2');
  }

  /** Ports on 127.0.0.1 that lead into the machine; only behind QEMU's own NAT. */
  get ports(): { ssh: number; https: number; http: number } {
    if (this.#ports === undefined)
      throw new Error('the machine has not been started, or has another network');
    return this.#ports;
  }

  /** What runs the machine's instructions. */
  get accelerator(): string {
    return machine(this.board).includes('kvm') ? 'KVM' : 'emulated';
  }

  get running(): boolean {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** What the machine has said on its serial line since its last start. */
  get serial(): string {
    const file = this.#serial;
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }

  get #serial(): string {
    return join(this.folder, `serial-${this.#starts}.txt`);
  }

  /** Puts files on the FAT partition, as a person does with the card in a computer. Only while the machine is off. */
  writeToCard(files: Readonly<Record<string, string | Buffer>>): void {
    this.#withFat((fat) => {
      for (const [name, content] of Object.entries(files)) {
        const from = join(this.folder, 'file');
        writeFileSync(from, content);
        ran('mcopy', '-o', '-i', fat, from, `::${name}`);
      }
      this.#io(`write -q -s ${fat} ${layout.bootStart}M ${layout.bootSize}M`);
    });
  }

  /** A file of the FAT partition; only while the machine is off. */
  readFromCard(name: string): string | undefined {
    return this.#withFat((fat) => {
      const { status, stdout } = spawnSync('mcopy', ['-i', fat, `::${name}`, '-']);
      return status === 0 ? stdout.toString() : undefined;
    });
  }

  #withFat<T>(action: (fat: string) => T): T {
    const fat = join(this.folder, 'boot.img');
    const whole = join(this.folder, 'whole.img');
    // The part of the card that holds the FAT partition.
    ran(
      'qemu-img',
      'dd',
      '-U',
      '-f',
      'qcow2',
      '-O',
      'raw',
      'bs=1M',
      `count=${layout.bootStart + layout.bootSize}`,
      `if=${this.#card}`,
      `of=${whole}`,
    );
    ran(
      'dd',
      `if=${whole}`,
      `of=${fat}`,
      'bs=1M',
      `skip=${layout.bootStart}`,
      `count=${layout.bootSize}`,
      'conv=sparse',
      'status=none',
    );
    try {
      return action(fat);
    } finally {
      rmSync(fat, { force: true });
      rmSync(whole, { force: true });
    }
  }

  #io(command: string): void {
    ran('qemu-io', '-f', 'qcow2', '-c', command, this.#card);
  }

  /** Overwrites bytes of the card; only while the machine is off. */
  writeAt(offset: number, content: Buffer): void {
    const file = join(this.folder, 'bytes');
    writeFileSync(file, content);
    this.#io(`write -q -s ${file} ${offset} ${content.length}`);
  }

  async start(): Promise<void> {
    this.#starts++;
    const { durable = false, watchdog = false, clock, network } = this.#options;
    if (network === undefined) {
      this.#ports ??= { ssh: await freePort(), https: await freePort(), http: await freePort() };
    }
    const forwards =
      this.#ports === undefined
        ? ''
        : Object.entries({ ssh: 22, https: 443, http: 80 })
            .map(([name, port]) => `,hostfwd=tcp:127.0.0.1:${this.#ports?.[name as 'ssh']}-:${port}`)
            .join('');
    const words = [
      ...(network?.within ?? []),
      qemu[this.board],
      ...machine(this.board),
      '-smp',
      '2',
      '-m',
      '1024',
      '-display',
      'none',
      '-no-user-config',
      '-drive',
      `file=${this.#card},if=none,id=card,cache=${durable ? 'writethrough' : 'unsafe'}`,
      '-device',
      'virtio-blk-pci,drive=card',

      '-netdev',
      network === undefined
        ? `user,id=net${forwards}`
        : `tap,id=net,ifname=${network.tap},script=no,downscript=no`,
      '-device',
      `virtio-net-pci,netdev=net${network === undefined ? '' : `,mac=${network.mac}`}`,
      '-device',
      'virtio-rng-pci',
      ...(watchdog ? ['-device', 'i6300esb'] : []),
      '-serial',
      `file:${this.#serial}`,
      '-monitor',
      `unix:${this.#monitor},server=on,wait=off`,
      ...(clock === undefined ? [] : ['-rtc', `base=${new Date(clock * 1000).toISOString().slice(0, 19)}`]),
    ];
    const [program = '', ...args] = words;
    // QEMU ends with us, however we end.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  get #monitor(): string {
    return join(this.folder, 'monitor');
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.running) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }

  /** Presses the power button, and waits until the machine is off; pulls the plug after a minute. */
  async stop(): Promise<void> {
    await this.monitor('system_powerdown').catch(() => undefined);
    for (let waited = 0; this.running && waited < 60; waited++) await delay(1000);
    await this.kill();
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A command for QEMU's monitor (`system_reset`, `quit`). */
  async monitor(command: string): Promise<void> {
    await new Promise<void>((done, fail) => {
      const socket = connect(this.#monitor, () => socket.end(`${command}\n`));
      socket.resume();
      socket.once('error', fail);
      socket.once('close', () => done());
    });
  }

  /** Runs a command in the machine, over ssh with the key of the card. */
  async ssh(command: string, options: { seconds?: number; input?: string | Buffer } = {}): Promise<Answer> {
    const { seconds = 120, input } = options;
    const { network } = this.#options;
    const [program = '', ...args]: readonly string[] = [
      ...(network?.from ?? []),
      'ssh',
      '-i',
      this.#key,
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',

      '-o',
      'LogLevel=ERROR',
      '-o',
      'ConnectTimeout=20',
      '-o',
      'ServerAliveInterval=10',
      '-o',
      'BatchMode=yes',
      ...(network === undefined
        ? ['-p', String(this.ports.ssh), 'root@127.0.0.1']
        : [`root@${network.address}`]),
      command,
    ];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: seconds * 1000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, out, err };
  }

  /** Does what restarts the machine, and waits until it is up again and answers ssh. */
  async throughRestart(action: () => Promise<unknown>, seconds = 900): Promise<void> {
    const bootId = 'cat /proc/sys/kernel/random/boot_id';
    const before = (await this.until(bootId)).trim();
    await action();
    await this.until(`[ "$(${bootId})" != ${before} ]`, { seconds });
  }

  /** Waits for a text on the serial line since the last start. */
  async saysOnSerial(text: RegExp, seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (!text.test(this.serial)) {
      if (performance.now() > end) throw new Error(`it did not say ${text}: ${this.serial.slice(-2000)}`);
      await delay(200);
    }
  }

  /** Waits until a command in the machine succeeds, and answers what it said. Throws after `seconds`, with the serial line. */
  async until(command: string, { seconds = 600 }: { seconds?: number } = {}): Promise<string> {
    const end = performance.now() + seconds * 1000;
    let last: Answer | undefined;
    while (performance.now() < end) {
      if (!this.running) throw new Error(`the machine is off: ${this.serial.slice(-2000)}`);
      last = await this.ssh(command, { seconds: 60 });
      if (last.code === 0) return last.out;
      await delay(1000);
    }
    throw new Error(
      `“${command}” did not succeed within ${seconds} s: ${last?.out}${last?.err}\n${this.serial.slice(-2000)}`,
    );
  }
}

function machine(board: 'amd64' | 'virt'): string[] {
  if (board === 'virt') {
    const firmware = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';
    return ['-M', 'virt', '-cpu', 'cortex-a53', '-accel', 'tcg,thread=multi', '-bios', firmware];
  }
  const accelerator = hasKvm()
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
  return ['-M', 'q35', '-vga', 'none', ...accelerator];
}

function ran(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.toString()}`);
}
