import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Home } from '../../src/cli/home/home.ts';
import { freePorts } from '../../src/cli/home/ports.ts';
import { type BoxStep, watchSteps } from '../../src/cli/home/progress.ts';
import { type BenchRow, median } from './bench-row.ts';

const rounds = 5;
const steps = [
  'identity',
  'address',
  'zone',
  'certificate',
  'main',
  'tunnel',
  'tunnel page',
  'announced',
] as const;
type Round = Record<(typeof steps)[number] | BoxStep, number>;

/**
 * From an empty state folder to pages that a client fetches and trusts. The clock starts with the box, when the CA and the
 * cloud stand.
 */
export async function benchFirstPage(): Promise<BenchRow[]> {
  const all: Partial<Round>[] = [];
  for (let round = 0; round < rounds; round++) all.push(await measure());
  const at = (step: keyof Round): number => median(all.map((round) => round[step] ?? Number.NaN));
  let before = 0;
  const stepRow = (step: keyof Round, name: string, whole: keyof Round): BenchRow => {
    const own = at(step) - before;
    before = at(step);
    return {
      name: `… ${name}`,
      value: own,
      unit: 'ms',
      note: `${Math.round((100 * own) / at(whole))} % of it`,
    };
  };
  const note = `median of ${rounds}: from an empty folder to a page fetched and trusted`;
  return [
    { name: 'trusted page by the main name', value: at('main'), unit: 'ms', note },
    stepRow('identity', 'identity made, pages open', 'main'),
    stepRow('zone', 'address found, zone written and read back', 'main'),
    stepRow('certificate', 'certificate', 'main'),
    stepRow('main', 'page fetched', 'main'),
    { name: 'trusted page through the tunnel', value: at('tunnel page'), unit: 'ms', note },
    { name: 'everything announced', value: at('announced'), unit: 'ms', note: `median of ${rounds}` },
  ];
}

async function measure(): Promise<Partial<Round>> {
  const state = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  const round: Partial<Round> = {};
  const ports = await freePorts();
  let begun = performance.now();
  const mark = (step: keyof Round): void => void (round[step] = performance.now() - begun);
  const home = new Home({ state, ports, onStep: (step) => step === 'hello' && (begun = performance.now()) });
  const never = new AbortController().signal;
  try {
    await home.start(never);
    const { names } = home.box.facts;
    const pages: Promise<void>[] = [];
    const page = async (step: 'main' | 'tunnel page', name: string, port: number): Promise<void> => {
      await fetchTrusted(name, port, readFileSync(home.caPath, 'utf8'));
      mark(step);
    };
    await watchSteps(
      home.box,
      (step) => {
        mark(step);
        if (step === 'certificate') pages.push(page('main', names.main, ports.web));
        if (step === 'tunnel') pages.push(page('tunnel page', names.tunnel, ports.relay));
      },
      never,
    );
    await Promise.all(pages);
    return round;
  } finally {
    await home.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

function fetchTrusted(name: string, port: number, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/',
      ca,
      servername: name,
      headers: { host: `${name}:${port}` },
      agent: false,
    });
    asked.on('response', (response) => response.resume().on('end', resolve));
    asked.on('error', reject);
    asked.end();
  });
}
