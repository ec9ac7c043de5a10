import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakedClock, noFaketime } from '../support/faked-clock.ts';
import type { Disk } from './disk.ts';
import type { House, Status } from './house.ts';
import type { Running } from './program.ts';
import type { Random } from './random.ts';
import type { Tallies, Tally } from './tally.ts';
import { type Witnesses, witnessesOf } from './witnesses.ts';

/** At least so long a home is left to itself between two faults, and at most so much longer. */
const workMs = { least: 30, more: 700 };
/** As long as a start takes: kills fall everywhere in it. */
const startMs = 1500;

/** At most so long nothing comes from the cloud. */
const stallMs = 3000;
const wrongClockKind = 'the box starts with a wrong clock, and is killed';
const wrongClocks = [
  '-1d',
  '+1d',
  '+100d',
  '@1970-01-01 00:00:10',
  '@2038-01-19 03:10:00',
  '@2100-01-01 00:00:00',
];

type Who = 'box' | 'cloud';

/** A home that works all the time, and is killed or loses its power over and over; after each start all must be there. */
export class Outages {
  readonly #house: House;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #tallies: Tallies;
  readonly #isLong: boolean;
  readonly #running = new Map<Who, Running>();
  #witnesses: Witnesses | undefined;
  /** The last fault: what is missing at the next look is its doing. */
  #last: Tally | undefined;

  /** `isLong`: the run has time for faults that take many seconds. */
  constructor(options: { house: House; disk: Disk; random: Random; tallies: Tallies; isLong: boolean }) {
    this.#house = options.house;
    this.#disk = options.disk;
    this.#random = options.random;
    this.#tallies = options.tallies;
    this.#isLong = options.isLong;
  }

  state(who: Who): string {
    return join(this.#disk.folder, who);
  }

  /** A claimed box and a cloud. */
  async open(): Promise<void> {
    const status = await this.#start('box');
    await this.#start('cloud');
    this.#witnesses = await witnessesOf(this.#house, status, this.#random);
  }

  get answered(): number {
    return this.#opened.residents.answered + this.#opened.neighbours.answered;
  }

  get #opened(): Witnesses {
    if (this.#witnesses === undefined) throw new Error('it was not opened');
    return this.#witnesses;
  }

  async run(over: () => boolean): Promise<void> {
    while (!over()) await this.#round();
    await this.#look();
  }

  async close(): Promise<void> {
    for (const process of this.#running.values()) await process.end();
    this.#running.clear();
    this.#witnesses?.close();
  }

  async #round(): Promise<void> {
    if (this.#random.next() < 0.25) await this.#killAtStart();
    await this.#look();
    let over = false;
    const isOver = (): boolean => over;
    const work = Promise.all([
      this.#opened.residents.work(isOver),
      this.#opened.residents.workBeside(isOver),
      this.#opened.neighbours.work(isOver),
      this.#opened.neighbours.work(isOver),
    ]);
    await sleep(workMs.least + this.#random.below(workMs.more));
    await this.#fault();
    over = true;
    await work;
  }

  /** One fault while everybody works. */
  async #fault(): Promise<void> {
    const kinds: [share: number, [kind: string, fault: () => Promise<unknown>]][] = [
      [50, ['the box is killed', () => this.#kill('box')]],
      [20, ['the cloud is killed', () => this.#kill('cloud')]],
      [5, ['the box is told to end', () => this.#kill('box', 'SIGTERM')]],
    ];
    if (this.#disk.powerOff !== undefined)
      kinds.push(
        [25, ['the power fails', () => this.#cut()]],
        [4, ['the disk is full, and the box is killed', () => this.#withoutRoom()]],
        [4, ['the disk is read-only, and the box starts on it', () => this.#readOnly()]],
      );
    if (this.#isLong) kinds.push(...this.#slowKinds());
    await this.#counted(...this.#random.weighted(kinds));
  }

  /** What takes ten rounds' time, so that a short run is too short for it. */
  #slowKinds(): [share: number, [kind: string, fault: () => Promise<unknown>]][] {
    const kinds: [share: number, [kind: string, fault: () => Promise<unknown>]][] = [
      [6, ['the cloud answers nothing for a while', () => this.#stalled()]],
    ];
    if (noFaketime === undefined) kinds.push([4, [wrongClockKind, () => this.#wrongClock()]]);
    return kinds;
  }

  async #killAtStart(): Promise<void> {
    if (this.#running.has('box')) return;
    await this.#counted('the box is killed as it starts', async () => {
      this.#launch('box');
      await sleep(this.#random.below(startMs));
      await this.#kill('box');
    });
  }

  async #counted(kind: string, fault: () => Promise<unknown>): Promise<void> {
    const tally = this.#tallies.of(kind);
    const begun = performance.now();
    await fault();
    tally.count++;
    tally.seconds += (performance.now() - begun) / 1000;
    this.#last = tally;
  }

  async #kill(who: Who, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#running.get(who)?.end(signal);
    this.#running.delete(who);
  }

  async #cut(): Promise<void> {
    for (const process of this.#running.values()) process.signal('SIGSTOP');
    await this.#disk.powerOff?.();
    await this.#kill('box');
    await this.#kill('cloud');
    this.#disk.powerOn();
  }

  /** People go on while nothing can be written: what is refused is no answer. */
  async #withoutRoom(): Promise<void> {
    this.#disk.fill(true);
    await sleep(this.#random.below(workMs.more));
    await this.#kill('box');
    await this.#kill('cloud');
    this.#disk.fill(false);
  }

  async #readOnly(): Promise<void> {
    for (const who of ['box', 'cloud'] as const) await this.#kill(who);
    this.#disk.mount('ro');
    const { boxId, setupCode } = await this.#start('box');
    if (boxId !== this.#opened.ledger.boxId || setupCode !== null)
      this.#tallies.of('the disk is read-only, and the box starts on it').lost.push(`it is ${boxId}`);
    await this.#kill('box');
    this.#disk.mount('rw');
  }

  /** As when the line is down: connections stay, and nothing comes. */
  async #stalled(): Promise<void> {
    const cloud = this.#running.get('cloud');
    cloud?.signal('SIGSTOP');
    await sleep(this.#random.below(stallMs));
    cloud?.signal('SIGCONT');
  }

  /** People go on by it; what was made meanwhile must be there when the clock is right again. */
  async #wrongClock(): Promise<void> {
    await this.#kill('box');
    const says = this.#random.one(wrongClocks);
    const process = this.#house.startBox(this.state('box'), fakedClock(says));
    this.#running.set('box', process);
    await this.#start('box');
    await sleep(this.#random.below(workMs.more));
    await this.#kill('box');
  }

  /** Starts what is not there, and sees whether all is. */
  async #look(): Promise<void> {
    const begun = performance.now();
    const { inspection, neighbours } = this.#opened;
    const [status] = await Promise.all([this.#start('box'), this.#start('cloud')]);
    const lost = [...(await inspection.look(status)), ...(await neighbours.look(this.state('cloud')))];
    this.#last?.lost.push(...lost);
    if (this.#last !== undefined) this.#last.seconds += (performance.now() - begun) / 1000;
  }

  #launch(who: Who): Running {
    const process =
      who === 'box' ? this.#house.startBox(this.state('box')) : this.#house.startCloud(this.state('cloud'));
    this.#running.set(who, process);
    return process;
  }

  async #start(who: Who): Promise<Status> {
    const process = this.#running.get(who) ?? this.#launch(who);
    const status = await this.#house.status(who, process);
    if (status !== undefined) return status;
    const said = process.said.trim().split('\n').slice(-5).join('\n');
    throw new Error(`the ${who} does not start after: ${this.#last?.kind ?? 'nothing'}\n${said}`);
  }
}
