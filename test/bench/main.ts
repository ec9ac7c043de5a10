/* The figures of docs/BENCHMARKS.md, measured here and now: `npm run bench`, or `npm run bench -- tunnel dns`. */
import { cpus, totalmem } from 'node:os';
import { benchAddress } from './address.ts';
import type { BenchRow } from './bench-row.ts';
import { benchDns } from './dns.ts';
import { benchFirstPage } from './first-page.ts';
import { benchFootprint } from './footprint.ts';
import { benchImage } from './image.ts';
import { benchPages } from './pages.ts';
import { benchRegistration } from './registration.ts';
import { benchSdk } from './sdk.ts';
import { benchTunnel } from './tunnel.ts';
import { benchWays } from './sign-in.ts';

const benches: Record<string, () => Promise<readonly BenchRow[]>> = {
  'first-page': benchFirstPage,
  address: benchAddress,
  tunnel: benchTunnel,
  dns: benchDns,
  registration: benchRegistration,
  sdk: benchSdk,
  ways: benchWays,
  pages: benchPages,
  footprint: benchFootprint,
  image: benchImage,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(
    `no such bench: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(2);
}

const [cpu] = cpus();
process.stdout.write(
  `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
);
for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
  process.stderr.write(`measuring ${name} …\n`);
  const rows = (await benches[name]?.()) ?? [];
  process.stdout.write(`\n### ${name}\n\n${table(rows)}\n`);
}

function table(rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => [
    row.name,
    `${short(row.value)} ${row.unit}`,
    row.peer === undefined
      ? ''
      : `${row.peer}: ${row.peerValue === undefined ? '' : `${short(row.peerValue)} ${row.unit}`}`,
    row.ratio === undefined ? '' : `${short(row.ratio)} ×`,
    row.note ?? '',
  ]);
  const all = [['what', 'figure', 'beside', 'ratio', 'note'], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(3, ...all.map((line) => line[column]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all;
  return [row(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(row)].join(
    '\n',
  );
}

/** Three significant digits, without an exponent. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return Number(value.toPrecision(3)).toString();
}
