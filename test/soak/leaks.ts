import { readdirSync, readlinkSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneName } from '../../src/protocol/names.ts';
import { type House, zoneRoot } from './house.ts';
import type { Running } from './program.ts';
import type { Random } from './random.ts';
import { type Slope, slopeOf } from './slope.ts';
import type { Tallies } from './tally.ts';
import { type Witnesses, witnessesOf } from './witnesses.ts';

type Measure = 'resident' | 'heap' | 'descriptors' | 'sockets' | 'timers';
type Sample = Record<Measure, number>;

/** So much of the time passes before anything is measured: caches fill, and code is compiled. */
const warmUp = 1 / 3;
/** Growth within the time that counts, by its lower bound: of the mean. What is nearly nothing may double. */
const bearable = {
  share: 0.2,
  least: { resident: 40e6, heap: 20e6, descriptors: 6, sockets: 6, timers: 12 },
};

/** One box under mixed load that is not killed: what it takes must not grow without end. */
export class Leaks {
  readonly #house: House;
  readonly #state: string;
  readonly #random: Random;
  readonly #tallies: Tallies;
  readonly samples: Sample[] = [];
  #box: Running | undefined;
  #cloud: Running | undefined;
  #witnesses: Witnesses | undefined;
  #visits = 0;

  /** `state` is a folder of its own. */
  constructor(options: { house: House; state: string; random: Random; tallies: Tallies }) {
    this.#house = options.house;
    this.#state = options.state;
    this.#random = options.random;
    this.#tallies = options.tallies;
  }

  /** How much was answered. */
  get answered(): number {
    return this.#visits + (this.#witnesses?.residents.answered ?? 0);
  }

  get pid(): number {
    return this.#box?.pid ?? 0;
  }

  async open(): Promise<void> {
    this.#box = this.#house.startBox(`${this.#state}/box`);
    this.#cloud = this.#house.startCloud(`${this.#state}/cloud`);
    const status = await this.#house.status('box', this.#box);
    if (status === undefined) throw new Error(`the box does not start: ${this.#box.said}`);
    this.#witnesses = await witnessesOf(this.#house, status, this.#random);
  }

  async run(over: () => boolean): Promise<void> {
    const begun = performance.now();
    if (this.#witnesses === undefined) throw new Error('it was not opened');
    const { residents, neighbours, ledger } = this.#witnesses;
    const visitors = [1, 2, 3, 4].map((number) => this.#visit(ledger.boxId, number, over));
    const work = Promise.all([
      residents.work(over),
      residents.workBeside(over),
      neighbours.work(over),
      ...visitors,
    ]);
    while (!over()) {
      this.samples.push(await this.#sample());
      await sleep(250);
    }
    await work;
    const seconds = (performance.now() - begun) / 1000;
    for (const [measure, slope] of Object.entries(this.slopes()) as [Measure, Slope][]) {
      const tally = this.#tallies.of(`growth: ${measure}`);
      tally.seconds = measure === 'resident' ? seconds : 0;
      tally.note = `${shown(slope.growth)} (${shown(slope.least)} to ${shown(slope.most)}) on ${shown(slope.mean)}`;
      const limit = Math.max(slope.mean * bearable.share, bearable.least[measure]);
      if (slope.least > limit) tally.lost.push(`${measure} grows: ${tally.note}`);
    }
  }

  slopes(): Record<Measure, Slope> {
    const counted = this.samples.slice(Math.floor(this.samples.length * warmUp));
    const of = (measure: Measure): Slope => slopeOf(counted.map((sample) => sample[measure]));
    return {
      resident: of('resident'),
      heap: of('heap'),
      descriptors: of('descriptors'),
      sockets: of('sockets'),
      timers: of('timers'),
    };
  }

  async close(): Promise<void> {
    this.#witnesses?.close();
    await this.#box?.end('SIGTERM');
    await this.#cloud?.end('SIGTERM');
  }

  /** Pages and calls, each over a connection of its own. */
  async #visit(boxId: string, number: number, over: () => boolean): Promise<void> {
    const paths = ['/', '/ping', '/api/session', '/info', '/no-such-page'];
    for (let turn = number; !over(); turn++) {
      await visit(this.#house.ports.web, zoneName(boxId, zoneRoot), paths[turn % paths.length] ?? '/');
      this.#visits++;
    }
  }

  async #sample(): Promise<Sample> {
    const metrics = await text(this.#house.ports.boxSystem, '/metrics');
    const metric = (name: string): number =>
      Number(new RegExp(`^porchlight_box_${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
    const folder = `/proc/${this.pid}/fd`;
    const descriptors = readdirSync(folder);
    return {
      resident: residentOf(this.pid),
      heap: metric('heap_bytes'),
      timers: metric('timers'),
      descriptors: descriptors.length,
      sockets: descriptors.filter((name) => isSocket(`${folder}/${name}`)).length,
    };
  }
}

/** Bytes. */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}

const shown = (value: number): string =>
  Math.abs(value) >= 1e5 ? `${(value / 1e6).toFixed(1)} MB` : value.toFixed(1);

function text(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let got = '';
      response.on('data', (chunk: Buffer) => (got += chunk.toString()));
      response.on('end', () => resolve(got));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function visit(port: number, host: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, servername: host, rejectUnauthorized: false, agent: false };
    const asked = requestTls({ ...where, path, headers: { host: `${host}:${port}` } }, (response) => {
      response.resume();
      response.on('end', resolve);
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}
