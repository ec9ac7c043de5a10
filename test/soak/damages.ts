import { createHash } from 'node:crypto';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceCa } from '../../src/box/auth/enrolment/device-ca.ts';
import { boxStateFiles } from '../../src/box/state/state-list.ts';
import { cloudStateFiles } from '../../src/cloud/state-list.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { type StateFile, stateFileAt } from '../../src/kit/store/state-file.ts';
import { damageAt, filesIn } from './damage.ts';
import type { House, Status } from './house.ts';
import type { Random } from './random.ts';
import type { Tallies } from './tally.ts';
import { type Witnesses, witnessesOf } from './witnesses.ts';

type Who = 'box' | 'cloud';
/** What somebody finds who looks at everything, by name. */
type View = Record<string, string>;

const lists: Record<Who, readonly StateFile[]> = { box: boxStateFiles, cloud: cloudStateFiles };
/** How a base came to rest: with the stores closed, or with their last changes in the log. */
const endings = ['SIGTERM', 'SIGKILL'] as const;

interface Base {
  who: Who;
  folder: string;
  files: readonly string[];
  view: View;
}

/**
 * Damages one file of a home that was used, at some place, and starts what reads it: it must refuse as the list of state files
 * says, say what it lost, or be as it was. Each time the real program, in a process of its own.
 */
export class Damages {
  readonly #house: House;
  readonly #folder: string;
  readonly #random: Random;
  readonly #tallies: Tallies;
  readonly #bases: Base[] = [];
  #witnesses: Witnesses | undefined;

  /** `folder` is empty. */
  constructor(options: { house: House; folder: string; random: Random; tallies: Tallies }) {
    this.#house = options.house;
    this.#folder = options.folder;
    this.#random = options.random;
    this.#tallies = options.tallies;
  }

  async open(): Promise<void> {
    const state = (who: Who): string => join(this.#folder, who);
    const house = this.#house;
    let box = house.startBox(state('box'));
    let cloud = house.startCloud(state('cloud'));
    const status = await house.status('box', box);
    await house.status('cloud', cloud);
    if (status === undefined) throw new Error(`the box does not start: ${box.said}`);
    this.#witnesses = await witnessesOf(house, status, this.#random);
    const { residents } = this.#witnesses;
    const path = join(state('box'), 'access/enrolment/device-ca.pem');
    await new DeviceCa({ path, commonName: 'Devices', clock: systemClock }).open();
    const settings = { channel: 'stable', paused: false };
    await residents.asOwner('PUT', '/api/update/settings', { body: settings });
    for (let actions = 0; actions < 40; actions++) await this.#some();
    for (let waited = 0; (await house.status('box', box))?.certificate === null && waited < 200; waited++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    for (const ending of endings) {
      await this.#some();
      await residents.signsIn();
      const before = { box: await this.#viewOfBox(), cloud: await this.#viewOfCloud() };
      await Promise.all([box.end(ending), cloud.end(ending)]);
      for (const who of ['box', 'cloud'] as const) {
        const folder = join(this.#folder, `${who}-${ending}`);
        cpSync(state(who), folder, { recursive: true, filter: (name) => !name.endsWith('.sock') });
        const files = filesIn(folder).filter((name) => !name.endsWith('.lock'));
        this.#bases.push({ who, folder, files, view: before[who] });
      }
      box = house.startBox(state('box'));
      cloud = house.startCloud(state('cloud'));
      await Promise.all([house.status('box', box), house.status('cloud', cloud)]);
    }
    await Promise.all([box.end(), cloud.end()]);
  }

  async #some(): Promise<void> {
    let [one, other] = [3, 3];
    await Promise.all([
      this.#opened.residents.work(() => one-- <= 0),
      this.#opened.neighbours.work(() => other-- <= 0),
    ]);
  }

  async run(over: () => boolean): Promise<void> {
    while (!over()) await this.#one(this.#random.one(this.#bases));
  }

  close(): void {
    this.#witnesses?.close();
  }

  get #opened(): Witnesses {
    if (this.#witnesses === undefined) throw new Error('it was not opened');
    return this.#witnesses;
  }

  async #one({ who, folder, files, view }: Base): Promise<void> {
    const path = this.#random.one(files);
    const entry = stateFileAt(lists[who], path);
    const tally = this.#tallies.of(`${who}: ${entry?.path.replace(/\*/g, '…') ?? path}`);
    const begun = performance.now();
    const work = join(this.#folder, 'work');
    rmSync(work, { recursive: true, force: true });
    cpSync(folder, work, { recursive: true });
    const words = `${path}, ${damageAt(work, path, this.#random)}, of ${folder.split('-').at(-1)}`;
    const process = who === 'box' ? this.#house.startBox(work) : this.#house.startCloud(work);
    try {
      const status = await this.#house.status(who, process);
      const refused = status === undefined ? codeIn(process.said) : codeIn(status.tunnel?.reason ?? '');
      tally.count++;
      if (refused !== undefined) {
        if (entry?.damage.refused?.includes(refused) !== true)
          tally.silent.push(`${words}: ${refused}, which is not on the list`);
        else tally.note = noted(tally.note, refused);
        return;
      }
      if (status === undefined) {
        tally.silent.push(`${words}: it ends: ${process.said.slice(-300)}`);
        return;
      }
      const now = who === 'box' ? await this.#viewOfBox() : await this.#viewOfCloud();
      // Last, because it makes a session.
      if (who === 'box' && (await this.#opened.residents.signsIn()) !== 204)
        now['password'] = 'not taken any more';
      const other = Object.keys({ ...view, ...now }).filter((key) => now[key] !== view[key]);
      const told = entry?.damage.told;
      if (other.length === 0) tally.note = noted(tally.note, 'harmless');
      else if (Object.values(now).some((value) => value.endsWith('storage-failed')))
        tally.note = noted(tally.note, 'refused when read');
      else if (entry?.damage.limit !== undefined && !isAnother(view, now))
        tally.note = noted(tally.note, 'beyond the limit');
      else if (told !== undefined && isTold(status, told)) tally.note = noted(tally.note, 'told');
      // Fail closed: what it shows is that they are paused.
      else if (other.join() === 'update' && now['update']?.includes('"paused":true') === true)
        tally.note = noted(tally.note, 'paused');
      else
        tally.silent.push(
          `${words}: ${other.map((key) => `${key} ${shortly(view[key])} → ${shortly(now[key])}`).join('; ')}`,
        );
    } catch (error) {
      tally.silent.push(`${words}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await process.end();
      tally.seconds += (performance.now() - begun) / 1000;
    }
  }

  /** Everything that people see of the box, and would miss. */
  async #viewOfBox(): Promise<View> {
    const { residents, ledger } = this.#opened;
    const view: View = {};
    const first = await residents.session(ledger.cookies[0] ?? '');
    view['stage'] = String(first.json['stage']);
    view['box'] = String(first.json['boxId']);
    for (const path of [
      'people',
      'sessions',
      'settings',
      'apps',
      'approvals',
      'audit',
      'second-factor',
      'update',
    ]) {
      const { json, status } = await residents.asOwner('GET', `/api/${path}`);
      view[path] = status === 200 ? lasting(json) : `${status} ${String(json['code'])}`;
    }
    for (const [index, clientId] of ledger.clients.entries())
      view[`client ${index}`] = String((await residents.askAsClient(clientId)).status);
    return view;
  }

  async #viewOfCloud(): Promise<View> {
    const view: View = {};
    await this.#opened.neighbours.view((key, value) => (view[key] = value));
    return view;
  }
}

/** Without what changes by itself. */
function lasting(json: unknown): string {
  return JSON.stringify(json, (key, value: unknown) =>
    ['now', 'lastSeenAt', 'lastAddress', 'expiresAt', 'current', 'pending', 'checkedAt'].includes(key)
      ? undefined
      : value,
  );
}

/** What no limit excuses: another box, one that waits for its first person, or an owner who is nobody. */
const isAnother = (view: View, now: View): boolean =>
  view['box'] !== now['box'] || now['stage'] === 'first-run';

const isTold = ({ conditions }: Status, name: string): boolean =>
  conditions.some((condition) => condition.name === name && condition.severity !== 'ok');

/** The problems for which a program does not start, by what it says last. */
const refusals: Record<string, RegExp> = {
  'store-missing': /was there before and is missing/,
  'store-too-new': /was written by a newer Porchlight/,
  'bad-master-key': /is not the key that was made here|it needs \d+ random ones/,
  'store-damaged': /sqlite is damaged/,
  'storage-failed': /cannot (use|write) /,
};

function codeIn(said: string): string | undefined {
  const box = /the box does not start \(([a-z-]+)\)/.exec(said)?.[1];
  return box ?? Object.keys(refusals).find((code) => refusals[code]?.test(said));
}

const noted = (note: string, word: string): string => {
  const counts = new Map(
    note
      .split(', ')
      .filter(Boolean)
      .map((part) => [part.replace(/^\d+ /, ''), Number.parseInt(part, 10)]),
  );
  counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
};

const shortly = (text = 'nothing'): string =>
  text.length <= 40 ? text : createHash('sha256').update(text).digest('hex').slice(0, 8);
