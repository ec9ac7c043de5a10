import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleOf } from '../image/bundles.ts';
import { whyNoHome } from '../image/long.ts';
import { boxIdIn, VmHome } from '../image/vm-home.ts';
import { builtImage, type Vm } from '../image/vm.ts';
import type { BenchRow } from './bench-row.ts';

const idleMinutes = 10;

/** The appliance: its image, and the amd64 one in a virtual machine with a home and a cloud. Nothing where no image is built. */
export async function benchImage(): Promise<readonly BenchRow[]> {
  const missing = whyNoHome();
  if (missing !== undefined) {
    process.stderr.write(`left out: ${missing}\n`);
    return [];
  }
  const home = await VmHome.open();
  try {
    const vm = home.machine();
    return [...sizes(), ...(await boot(home, vm)), ...(await idle(vm)), ...(await update(home, vm))];
  } finally {
    await home.close();
  }
}

function sizes(): BenchRow[] {
  const image = builtImage();
  const rows: BenchRow[] = [{ name: 'image, raw', value: statSync(image).size / 1e6, unit: 'MB' }];
  const compressed = statSync(`${image}.zst`, { throwIfNoEntry: false });
  if (compressed !== undefined)
    rows.push({ name: 'image, compressed', value: compressed.size / 1e6, unit: 'MB' });
  const steps = JSON.parse(readFileSync(image.replace(/img$/, 'steps.json'), 'utf8')) as {
    name: string;
    seconds: number;
  }[];
  const all = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const note = steps.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)}`).join(', ');
  return [...rows, { name: 'build', value: all, unit: 's', note }];
}

/** From power to the page that a laptop of the home trusts, with a fresh card. */
async function boot(home: VmHome, vm: Vm): Promise<BenchRow[]> {
  const begun = performance.now();
  await vm.start();
  const boxId = boxIdIn(await vm.until('cat /boot/firmware/porchlight.txt', { seconds: 1200 }));
  await trusted(home, boxId);
  const whole = (performance.now() - begun) / 1000;
  await vm.until('systemctl is-system-running --wait', { seconds: 600 });
  const finished = await vm.until('systemd-analyze');
  const part = (name: string): number =>
    [
      ...(new RegExp(`((?:[\\d.]+(?:min|s|ms) ?)+)\\(${name}\\)`).exec(finished)?.[1] ?? '').matchAll(
        /([\d.]+)(min|ms|s)/g,
      ),
    ].reduce(
      (sum, [, figure, unit]) => sum + Number(figure) * ({ min: 60, s: 1, ms: 0.001 }[unit ?? 's'] ?? 0),
      0,
    );
  const shown = async (unit: string, property: string): Promise<number> =>
    Number(await vm.until(`systemctl show -P ${property} ${unit}`)) / 1e6;
  const box = 'porchlight-box.service';
  const [begins, ready] = [
    await shown(box, 'InactiveExitTimestampMonotonic'),
    await shown(box, 'ActiveEnterTimestampMonotonic'),
  ];
  const slowest = (await vm.until('systemd-analyze blame --no-pager | grep -v device | head -n 5'))
    .trim()
    .replaceAll(/\s*\n\s*/g, ', ');
  return [
    { name: 'power to a trusted page, first start', value: whole, unit: 's', note: vm.accelerator },
    { name: '… kernel and initial RAM file system', value: part('kernel'), unit: 's' },
    { name: '… until the box is started', value: begins - part('kernel'), unit: 's', note: slowest },
    { name: '… until the box is ready', value: ready - begins, unit: 's' },
    { name: '… boot loader before, certificate after', value: whole - ready, unit: 's' },
  ];
}

async function trusted(home: VmHome, boxId: string): Promise<void> {
  for (const end = performance.now() + 600_000; performance.now() < end; await delay(200)) {
    try {
      home.fetch(`https://${home.names(boxId).main}/`);
      return;
    } catch {
      // Not yet.
    }
  }
  throw new Error('the page was not trusted within ten minutes');
}

/** Memory of the whole system, and what it writes to the card, when it has its certificate and nothing to do. */
async function idle(vm: Vm): Promise<BenchRow[]> {
  // What a first boot has to write is not what an idle day writes.
  await delay(120_000);
  const written = async (): Promise<number> =>
    Number(await vm.until('awk \'$3 == "vda4" { print $10 * 512 }\' /proc/diskstats'));
  const before = await written();
  await delay(idleMinutes * 60_000);
  const after = await written();
  const used = Number(
    await vm.until(
      "awk '/^MemTotal/ { t = $2 } /^MemAvailable/ { a = $2 } END { print (t - a) / 1024 }' /proc/meminfo",
    ),
  );
  return [
    { name: 'memory of the idle system', value: used, unit: 'MiB', note: 'not available to others' },
    {
      name: 'written to the card on an idle day',
      value: ((after - before) / 1e6) * ((24 * 60) / idleMinutes),
      unit: 'MB',
      note: `from ${idleMinutes} minutes`,
    },
  ];
}

/** A release is written, started, and found healthy. */
async function update(home: VmHome, vm: Vm): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  try {
    const boxId = boxIdIn(await vm.until('cat /boot/firmware/porchlight.txt'));
    const bundle = readFileSync(await bundleOf({ version: '90.0.0', folder }));
    const sent = await vm.ssh('cat > /data/bundle.raucb', { input: bundle, seconds: 900 });
    if (sent.code !== 0) throw new Error(sent.err);
    const begun = performance.now();
    const installed = await vm.ssh('porchlight update /data/bundle.raucb', { seconds: 1800 });
    if (installed.code !== 0) throw new Error(installed.err);
    const written = performance.now();
    const before = await vm.until('cat /proc/sys/kernel/random/boot_id');
    await vm.until('porchlight update --restart');
    await vm.until(`[ "$(cat /proc/sys/kernel/random/boot_id)" != ${before.trim()} ]`, { seconds: 1200 });
    await trusted(home, boxId);
    const back = performance.now();
    await vm.until('grep -q true /var/lib/porchlight-update/verdict.json', { seconds: 1800 });
    const rows: [string, number][] = [
      ['a release written to the other slot', written - begun],
      ['restart into it, until its page is there', back - written],
      ['until it is found healthy and kept', performance.now() - back],
    ];
    return rows.map(([name, ms]) => ({ name, value: ms / 1000, unit: 's', note: vm.accelerator }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
