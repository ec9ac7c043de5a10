import { join } from 'node:path';
import { type Clock, type Random, seconds } from '../../kit/runtime/clock.ts';
import { writeAtomic } from '../../kit/store/files.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { type BoxFacts, boxUrls } from '../system/status.ts';
import type { Outcome } from './asked.ts';
import { plain } from './card-folder.ts';

/** What the note on the card says. */
export interface NoteFacts {
  name: string;
  boxId: string;
  /** Until there is an owner. */
  setupCode: string | undefined;
  /** By kind, as `waysIn` has them. */
  urls: readonly (readonly [kind: string, url: string])[];
  addresses: readonly string[];
  /** Something on the card is wrong. */
  problems?: boolean;
}

const kinds: Readonly<Record<string, string>> = {
  main: 'At home',
  local: 'Without internet',
  tunnel: 'From outside',
};

/** `porchlight.txt`, for whoever puts the card into a computer. */
export function noteText({ name, boxId, setupCode, urls, addresses, problems }: NoteFacts): string {
  const shown = urls.flatMap(([kind, url]): [string, string][] => {
    const label = kinds[kind];
    return label === undefined ? [] : [[label, url]];
  });
  const rows: [string, string][] = [
    ...(setupCode === undefined ? [] : [['Setup code', setupCode] as [string, string]]),
    ...shown,
    ['Address', addresses.join(', ') || 'none: it is not connected'],
    ['Box id', boxId],
  ];
  const width = Math.max(...rows.map(([label]) => label.length)) + 3;
  const first =
    setupCode === undefined
      ? 'It has an owner.'
      : 'It has no owner yet. Open one of its addresses from your home network and type\nthe setup code: the box is yours then. Keep the code from others until you have.';
  const wrong =
    problems === true
      ? 'Something on this card is not as the box can take it: porchlight-problems.txt says\nwhat, and what to write instead.\n\n'
      : '';
  return plain(
    `This is the box “${name}”.\n\n${first}\n\n${wrong}${rows.map(([label, text]) => `${label.padEnd(width)}${text}\n`).join('')}\n`,
  );
}

const settleMs = seconds(3);

export interface CardNoteOptions {
  /** Where the service manager lets the box write for others; `undefined` where it has no card. */
  runtimeFolder: string | undefined;
  /** What became of what a file on the card asked for. */
  outcome: Outcome | undefined;
  /** What is wrong on the card. */
  problems: readonly string[];
  facts: BoxFacts;
  health: Health;
  log: Log;
  clock: Clock;
  random: Random;
}

/** Keeps the note true that root copies to the card. It is written when it changes, and at no other time. */
export class CardNote implements Service {
  readonly name = 'card';
  readonly #options: CardNoteOptions;
  readonly #writing: Reconciler;
  #written = '';
  #seen = '';

  constructor(options: CardNoteOptions) {
    this.#options = options;
    const { name, network, zone, tunnel, mdns, claimed } = options.facts;
    this.#writing = new Reconciler({
      ...options,
      name: this.name,
      watch: [name, network, zone, tunnel, mdns, claimed],
      reconcile: () => this.#write(),
    });
  }

  async start(): Promise<void> {
    const { runtimeFolder, outcome, problems, health, log } = this.#options;
    const remedy = 'correct the file on the card, on any computer, and start the box again';
    if (problems.length > 0) health.set(this.name, 'warning', problems.join('; '), remedy);
    if (outcome !== undefined) log.info(`asked by a file on the card: ${outcome.words}`);
    if (runtimeFolder === undefined) return;
    // Copied together with the first note.
    if (outcome !== undefined) await writeAtomic(join(runtimeFolder, 'outcome'), JSON.stringify(outcome));
    await this.#writing.start();
  }

  async stop(): Promise<void> {
    await this.#writing.stop();
  }

  /** What is new is looked at once more: at the start many things change within seconds, and each write wears the card. */
  async #write(): Promise<number | undefined> {
    const { runtimeFolder, facts, problems } = this.#options;
    const text = noteText({
      name: facts.name.value,
      boxId: facts.identity.boxId,
      setupCode: facts.setupCode(),
      urls: boxUrls(facts),
      addresses: facts.network.value.addresses,
      problems: problems.length > 0,
    });
    if (runtimeFolder === undefined || text === this.#written) return undefined;
    if (text !== this.#seen) {
      this.#seen = text;
      return settleMs;
    }
    await writeAtomic(join(runtimeFolder, 'note'), text);
    await writeAtomic(join(runtimeFolder, 'note-waiting'), '');
    this.#written = text;
    return undefined;
  }
}
