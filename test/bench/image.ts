import { readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { noMachine, builtImage, Vm } from '../image/vm.ts';
import type { BenchRow } from './bench-row.ts';

const idleMinutes = 5;

/** The appliance: its image, and the amd64 one in a virtual machine. Nothing where no image is built. */
export async function benchImage(): Promise<readonly BenchRow[]> {
  const missing = noMachine();
  if (missing !== undefined) {
    process.stderr.write(`left out: ${missing}\n`);
    return [];
  }
  const vm = new Vm();
  try {
    return [...sizes(), ...(await boot(vm)), ...(await idle(vm))];
  } finally {
    await vm.remove();
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

async function boot(vm: Vm): Promise<BenchRow[]> {
  const begun = performance.now();
  await vm.start();
  await vm.until('systemctl is-active porchlight-box', { seconds: 900 });
  const outside = (performance.now() - begun) / 1000;
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
  const slowest = (await vm.until('systemd-analyze blame --no-pager | head -n 5'))
    .trim()
    .replaceAll(/\s*\n\s*/g, ', ');
  return [
    { name: 'first boot to the page, with the boot loader', value: outside, unit: 's', note: vm.accelerator },
    { name: 'of it the kernel', value: part('kernel'), unit: 's' },
    { name: 'of it systemd and units', value: part('userspace'), unit: 's', note: slowest },
  ];
}

/** Memory of the whole system, and what it writes to the card, when nobody does anything. */
async function idle(vm: Vm): Promise<BenchRow[]> {
  // What a first boot has to write is not what an idle day writes.
  await delay(60_000);
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
      note: `from ${idleMinutes} minutes; no cloud to reach`,
    },
  ];
}
