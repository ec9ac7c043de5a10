import { isDeepStrictEqual } from 'node:util';
import type { Clock, Random } from '../../kit/runtime/clock.ts';
import { messageOf } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import { type Query, replyTo } from './answer-policy.ts';
import { conflictIn, deferMs, isStorm, losesTo, probeFor, probing, storm } from './claim-policy.ts';
import { LinkVoice, mdnsPort, type Sender } from './link-voice.ts';
import { keyOf, type Names, namesOf, type OwnedRecord, recordsOf, typeList } from './records.ts';
import type { Conflict, Link, MdnsAdapter, Published, WantedService } from './wanted.ts';

/** One link: what is said there, and when it was last said to everybody. */
interface Voice {
  link: Link;
  sockets: LinkVoice;
  records: OwnedRecord[];
  said: Map<string, number>;
  /** Queries of which more is to come, by who asks. */
  unfinished: Map<string, Query>;
}

/** Pauses after each announcement; the second is required (RFC 6762, 8.3), the third is for Wi-Fi that drops multicast. */
const pausesMs = [1000, 2000] as const;

/**
 * A responder for machines without avahi-daemon (RFC 6762): bonjour-service writes the records, multicast-dns has the
 * sockets, and what is said when is decided in the policies beside this file. Why not bonjour-service's own responder or
 * another library: docs/decisions/0008-own-mdns-responder.md.
 */
export class BonjourAdapter implements MdnsAdapter {
  readonly kind = 'bonjour';
  readonly #options: { log: Log; clock: Clock; random: Random; onTrouble: () => void };
  #wanted: WantedService | undefined;
  #names: Names = { instance: '', host: '' };
  /** Names lost to others so far. */
  readonly #tries = { instance: 0, host: 0 };
  /** The last conflict that cost a name. */
  #lost: Conflict | undefined;
  #voices: Voice[] = [];
  /** Whether the names are ours: only then is anything answered. */
  #claimed = false;
  /** What was heard against us in the course of probing. */
  #against: Conflict | 'goes first' | undefined;
  #conflicts: number[] = [];
  /** Monotonic; no probe before. */
  #notBefore = 0;
  #announced = 0;
  #broken = false;

  /** `onTrouble`: a socket failed after it was open, or a name was questioned; `publish` mends both. */
  constructor(options: { log: Log; clock: Clock; random: Random; onTrouble: () => void }) {
    this.#options = options;
  }

  async publish(wanted: WantedService, signal: AbortSignal): Promise<Published> {
    if (this.#broken || !isDeepStrictEqual(this.#wanted, wanted)) await this.#restart(wanted, signal);
    if (wanted.links.length === 0) return { instance: undefined, host: undefined };
    while (!this.#claimed) {
      // Nobody is asked more often than every five seconds, however many names somebody else takes.
      const waitMs = this.#notBefore - this.#options.clock.monotonic();
      if (waitMs > 0) return { instance: undefined, host: undefined, ...this.#told(), againMs: waitMs };
      await this.#claim(signal);
    }
    const published = { ...this.#names, ...this.#told() };
    if (this.#announced > pausesMs.length) return published;
    await Promise.all(this.#voices.map((voice) => this.#announce(voice, voice.records)));
    const pause = pausesMs[this.#announced++];
    return pause === undefined ? published : { ...published, againMs: pause };
  }

  async withdraw(): Promise<void> {
    if (this.#claimed) await this.#goodbye(this.#records());
    await this.#silence();
  }

  /** New sockets for what is wanted now, which say goodbye for what is no more: those of before may be deaf and dumb. */
  async #restart(wanted: WantedService, signal: AbortSignal): Promise<void> {
    const before = this.#claimed ? this.#records() : [];
    const sameNetwork =
      this.#claimed &&
      this.#wanted?.name === wanted.name &&
      isDeepStrictEqual(sourcesOf(this.#wanted), sourcesOf(wanted));
    if (wanted.links.length === 0) await this.#goodbye(before);
    await this.#silence();
    if (!sameNetwork) {
      Object.assign(this.#tries, { instance: 0, host: 0 });
      this.#lost = undefined;
    }
    this.#names = namesOf(wanted, this.#tries);
    try {
      for (const link of wanted.links) this.#voices.push(await this.#open(wanted, link, signal));
    } catch (error) {
      await this.#silence();
      throw error;
    }
    this.#wanted = wanted;
    this.#claimed = sameNetwork;
    const now = this.#records();
    await this.#goodbye(before.filter((record) => !now.some((other) => isDeepStrictEqual(record, other))));
  }

  async #open(wanted: WantedService, link: Link, signal: AbortSignal): Promise<Voice> {
    signal.throwIfAborted();
    const voice: Voice = {
      link,
      records: recordsOf(wanted, link, this.#names),
      said: new Map(),
      unfinished: new Map(),
      sockets: new LinkVoice({
        source: link.source,
        others: sourcesOf(wanted).filter((source) => source !== link.source),
        onQuery: (query, authorities, from) => this.#asked(voice, query, authorities, from),
        onResponse: (records, from) => this.#heard(records, from),
        onTrouble: () => {
          this.#broken = true;
          this.#options.onTrouble();
        },
        log: this.#options.log,
      }),
    };
    await voice.sockets.open();
    return voice;
  }

  /** Asks whether anybody uses our names (RFC 6762, 8.1); who does keeps them, and we take the next. */
  async #claim(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    this.#against = undefined;
    this.#announced = 0;
    await clock.sleep(random() * probing.pauseMs, signal);
    for (let probe = 0; probe < probing.count && this.#against === undefined; probe++) {
      await Promise.all(this.#voices.map(({ sockets, records }) => sockets.ask(probeFor(records))));
      await clock.sleep(probing.pauseMs, signal);
    }
    const against = this.#against as Conflict | 'goes first' | undefined;
    if (against === undefined) {
      this.#claimed = true;
      this.#notBefore = 0;
    } else if (against === 'goes first') {
      await clock.sleep(deferMs, signal);
    } else if (this.#wanted !== undefined) {
      this.#tries[against.what]++;
      this.#lost = against;
      // Once it is a storm, it is one until a name is ours.
      const now = clock.monotonic();
      if (this.#notBefore > 0 || isStorm(this.#conflicts, now)) this.#notBefore = now + storm.waitMs;
      const before = this.#names;
      this.#names = namesOf(this.#wanted, this.#tries);
      for (const voice of this.#voices) voice.records = recordsOf(this.#wanted, voice.link, this.#names);
      const lost = before[against.what];
      log.warn({ from: against.from }, `mdns: another device uses ${lost}; now ${this.#names[against.what]}`);
    }
  }

  #heard(heard: readonly OwnedRecord[], from: Sender): void {
    if (this.#isOurs(from) || this.#against !== undefined) return;
    const what = conflictIn(heard, this.#records(), this.#names, this.#claimed);
    if (what === undefined) return;
    const now = this.#options.clock.monotonic();
    // Once a name is ours, whoever keeps questioning it must not keep us from answering.
    if (this.#claimed && isStorm(this.#conflicts, now)) return;
    this.#conflicts = [...this.#conflicts, now].slice(-storm.conflicts);
    this.#against = { what, from: from.address };
    if (!this.#claimed) return;
    // Back to probing (9): who does not defend the name leaves it to us.
    this.#claimed = false;
    this.#options.onTrouble();
  }

  #asked(voice: Voice, query: Query, authorities: readonly OwnedRecord[], from: Sender): void {
    if (!this.#claimed) {
      if (query.probe && !this.#isOurs(from) && losesTo(authorities, voice.records)) {
        this.#against ??= 'goes first';
      }
      return;
    }
    const asker = `${from.address} ${from.port}`;
    const begun = voice.unfinished.get(asker);
    if (begun !== undefined) {
      // The rest of what is known (7.2); the answer is on its way.
      voice.unfinished.set(asker, { ...begun, known: [...begun.known, ...query.known] });
      if (query.questions.length === 0) return;
    }
    if (query.more && voice.unfinished.size < 100) voice.unfinished.set(asker, query);
    void this.#answer(voice, query, from, asker).catch((error: unknown) =>
      this.#options.log.debug(`mdns: no answer sent: ${messageOf(error)}`),
    );
  }

  async #answer(voice: Voice, query: Query, from: Sender, asker: string): Promise<void> {
    const { clock, random } = this.#options;
    const reply = (asked: Query): ReturnType<typeof replyTo> =>
      replyTo(asked, voice.records, (record) => this.#sinceSaid(voice, record), random);
    const delayMs = reply(query)?.delayMs ?? 0;
    if (delayMs > 0) await clock.sleep(delayMs);
    const whole = query.more ? voice.unfinished.get(asker) : undefined;
    voice.unfinished.delete(asker);
    // Meanwhile the box may have fallen silent, or somebody else's question have been answered to all.
    if (!this.#claimed || !this.#voices.includes(voice)) return;
    const now = reply(whole ?? query);
    if (now?.unicast !== undefined) await voice.sockets.say(now.unicast, from);
    if (now?.multicast !== undefined) {
      this.#mark(voice, [...now.multicast.answers, ...now.multicast.additionals]);
      await voice.sockets.say(now.multicast);
    }
  }

  async #announce(voice: Voice, answers: readonly OwnedRecord[]): Promise<void> {
    this.#mark(voice, answers);
    await voice.sockets.say({ answers, additionals: [] });
  }

  #sinceSaid(voice: Voice, record: OwnedRecord): number {
    const said = voice.said.get(keyOf(record));
    return said === undefined ? Number.POSITIVE_INFINITY : this.#options.clock.monotonic() - said;
  }

  #mark(voice: Voice, records: readonly OwnedRecord[]): void {
    for (const record of records) voice.said.set(keyOf(record), this.#options.clock.monotonic());
  }

  /** Tells caches to forget these (RFC 6762, 10.1). Best effort: the link may be what has gone. */
  async #goodbye(records: readonly OwnedRecord[]): Promise<void> {
    const answers = records
      .filter((record) => record.name !== typeList)
      .map((record) => Object.assign({}, record, { ttl: 0, flush: false }));
    if (answers.length === 0) return;
    await Promise.allSettled(this.#voices.map(({ sockets }) => sockets.say({ answers, additionals: [] })));
  }

  /** What we say comes back to us, and from one of our links to another. */
  #isOurs(from: Sender): boolean {
    return from.port === mdnsPort && sourcesOf(this.#wanted).includes(from.address);
  }

  #told(): { conflict?: Conflict } {
    return this.#lost === undefined ? {} : { conflict: this.#lost };
  }

  #records(): OwnedRecord[] {
    return this.#voices.flatMap((voice) => voice.records);
  }

  async #silence(): Promise<void> {
    const voices = this.#voices;
    this.#voices = [];
    this.#wanted = undefined;
    this.#claimed = false;
    this.#announced = 0;
    this.#broken = false;
    await Promise.all(voices.map((voice) => voice.sockets.close()));
  }
}

const sourcesOf = (wanted: WantedService | undefined): string[] =>
  wanted?.links.map(({ source }) => source) ?? [];
