import { execFile } from '../support/programs.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DnsServer } from '../../src/cloud/dns-server/dns-server.ts';
import { servedZone } from '../../src/cloud/dns-server/served-zone.ts';
import { ZoneStore } from '../../src/cloud/dns-server/store.ts';
import { emptyZone, type ZoneContent } from '../../src/cloud/dns-server/zone-content.ts';
import { ZoneView } from '../../src/cloud/dns-server/zone-view.ts';
import { Child } from '../../src/kit/runtime/child.ts';
import { exchangeUdp, query } from '../cloud/dns-server/dns-client.ts';
import { zoneRoot } from '../cloud/dns-server/options.ts';
import { serverOptions } from '../cloud/dns-server/support.ts';
import { zoneFile } from '../cloud/dns-server/zone-file.ts';
import type { BenchRow } from './bench-row.ts';
import { freePort } from '../../src/cli/home/free-port.ts';

const run = promisify(execFile);

const boxes = 200;
const seconds = 5;
const runs = 3;
const nameServers = [{ name: `ns1.${zoneRoot}`, addresses: ['127.0.0.1'] }];
const caaIssuers = ['letsencrypt.org'];

/** Queries per second of the embedded server and of PowerDNS with the same zone, by dnsperf, turn by turn. */
export async function benchDns(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  const contents = new Map(Array.from({ length: boxes }, (_, index) => [labelOf(index), contentOf(index)]));
  const ends: (() => Promise<unknown>)[] = [];
  try {
    await fill(join(folder, 'state'), contents);
    const options = await serverOptions(join(folder, 'state'), { nameServers, caaIssuers });
    const server = new DnsServer(options);
    ends.push(() => server.stop());
    await server.start(AbortSignal.timeout(10_000));
    const powerDns = await startPowerDns(folder, zoneText(contents));
    ends.push(() => powerDns.stop());
    const questions = join(folder, 'questions');
    writeFileSync(questions, questionLines());
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let index = 0; index < runs; index++) {
      ours.push(await dnsperf(server.dnsPort, questions));
      theirs.push(await dnsperf(powerDns.port, questions));
    }
    const [value, peerValue] = [median(ours), median(theirs)];
    return [
      {
        name: 'dns-server, UDP answers',
        value,
        unit: 'queries/s',
        peer: 'PowerDNS (bind backend, packet cache)',
        peerValue,
        ratio: value / peerValue,
        note: `${boxes} boxes, dnsperf on the same machine, median of ${runs} × ${seconds} s; ours is one thread`,
      },
    ];
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

const letter = (value: number): string => base32[value % 32] ?? 'a';

function labelOf(index: number): string {
  return `${letter(index)}${letter(Math.floor(index / 32))}${'k'.repeat(49)}a`;
}

function contentOf(index: number): ZoneContent {
  const home = [`192.168.${index % 256}.20`];
  return { ...emptyZone, records: { main: home, mirrors: { a: home, b: home }, tunnel: ['203.0.113.7'] } };
}

async function fill(folder: string, contents: ReadonlyMap<string, ZoneContent>): Promise<void> {
  const store = new ZoneStore(folder);
  await store.open();
  for (const [label, content] of contents) store.change(label, () => content);
  store.close();
}

function zoneText(contents: ReadonlyMap<string, ZoneContent>): string {
  const zones = new Map(
    [...contents].map(([label, content]) => [
      label,
      servedZone(label, content, { zoneRoot, caaIssuers, now: 0 }),
    ]),
  );
  const view = new ZoneView({ zoneRoot, nameServers, zone: (label) => zones.get(label), serial: () => 1 });
  return zoneFile(view, zoneRoot, nameServers, zones);
}

/** What resolvers ask: mostly addresses, one name in six does not exist or has no such type. */
function questionLines(): string {
  const lines = Array.from({ length: boxes }, (_, index) => `${labelOf(index)}.${zoneRoot}`).flatMap(
    (zone) => [
      `${zone} A`,
      `a.${zone} A`,
      `b.${zone} AAAA`,
      `remote.${zone} A`,
      `photos.${zone} A`,
      `none-${zone} A`,
    ],
  );
  return `${lines.join('\n')}\n`;
}

async function startPowerDns(
  folder: string,
  text: string,
): Promise<{ port: number; stop(): Promise<unknown> }> {
  writeFileSync(join(folder, 'zone'), text);
  writeFileSync(
    join(folder, 'named.conf'),
    `zone "${zoneRoot}" { type master; file "${join(folder, 'zone')}"; };\n`,
  );
  const port = await freePort();
  const settings = {
    launch: 'bind',
    'bind-config': join(folder, 'named.conf'),
    'local-address': '127.0.0.1',
    'local-port': String(port),
    'socket-dir': folder,
    'config-dir': folder,
    guardian: 'no',
    daemon: 'no',
    loglevel: '3',
    'disable-syslog': 'yes',
  };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const lines: string[] = [];
  const child = new Child({ command: 'pdns_server', args, onLine: (line) => lines.push(line) });
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const response = await exchangeUdp(port, query(`${labelOf(0)}.${zoneRoot}`, 'A'), 200);
    if (response !== undefined && (response[3] ?? 0) % 16 === 0) return { port, stop: () => child.stop() };
  }
  await child.stop();
  throw new Error(`pdns_server does not start: ${lines.join('\n')}`);
}

async function dnsperf(port: number, questions: string): Promise<number> {
  const args = [
    '-s',
    '127.0.0.1',
    '-p',
    String(port),
    '-d',
    questions,
    '-l',
    String(seconds),
    '-c',
    '8',
    '-q',
    '100',
  ];
  const { stdout } = await run('dnsperf', args);
  const found = /Queries per second:\s+([\d.]+)/.exec(stdout)?.[1];
  if (found === undefined) throw new Error(`dnsperf said: ${stdout}`);
  return Number(found);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
