import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { join } from 'node:path';
import type { Clock, Random } from '../../kit/runtime/clock.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import { checkedJson, readCheckedJson } from '../../kit/store/checked-json.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Markers } from '../../kit/store/markers.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { readableName } from '../../kit/runtime/text.ts';
import { type AuditNote, AuditNotes, withNote } from '../audit-notes.ts';
import { type SettingsRequest, SettingsView } from '../../protocol/access-api.ts';

/** What the file holds: the settings, and the events of their changes. */
const Kept = Type.Object({ ...SettingsView.properties, notes: AuditNotes });

/** What holds when nobody knows what an owner chose: nobody finds the box, and nobody comes in from outside. */
const closed = { tunnel: false, discovery: 'off' } as const;
const marker = 'settings';

export interface OwnerSettingsOptions {
  /** Of its own: `<state>/settings`. */
  folder: string;
  /** What holds until an owner changes it. */
  configured: Pick<SettingsView, 'name' | 'tunnel'>;
  markers: Markers;
  health: Health;
  log: Log;
  clock: Clock;
  random: Random;
}

/** Owner of what people change in the console: the box's name, whether it can be found, and whether it can be reached from outside. */
export class OwnerSettings implements Service {
  readonly name = 'settings';
  readonly #options: OwnerSettingsOptions;
  readonly #view: OwnedFact<SettingsView>;
  readonly #boxName: OwnedFact<string>;
  readonly #tunnelWanted: OwnedFact<boolean>;
  readonly #hidden = new OwnedFact(false);
  readonly #discoverable = new OwnedFact(false);
  readonly #notes = new OwnedFact<readonly AuditNote[]>([]);
  readonly #window: Reconciler;
  /** When a window closes, by the clock that only moves forward. */
  #closesAt = 0;

  constructor(options: OwnerSettingsOptions) {
    this.#options = options;
    this.#view = new OwnedFact<SettingsView>({ ...options.configured, discovery: 'always' });
    this.#boxName = new OwnedFact(options.configured.name);
    this.#tunnelWanted = new OwnedFact(options.configured.tunnel);
    this.#window = new Reconciler({
      ...options,
      name: this.name,
      watch: [this.#view],
      reconcile: () => this.#apply(),
    });
  }

  get boxName(): Fact<string> {
    return this.#boxName;
  }

  get tunnelWanted(): Fact<boolean> {
    return this.#tunnelWanted;
  }

  /** Not to be found at all. */
  get hidden(): Fact<boolean> {
    return this.#hidden;
  }

  /** To be found even behind an address that many homes share: for a while, because everybody behind it sees the box. */
  get discoverable(): Fact<boolean> {
    return this.#discoverable;
  }

  /** The events of the last changes, for the audit log. */
  get notes(): Fact<readonly AuditNote[]> {
    return this.#notes;
  }

  async start(): Promise<void> {
    const { notes = [], ...kept } = await this.#load();
    this.#view.set({ ...this.#view.value, ...kept });
    this.#notes.set(notes);
    this.#setClosing();
    await this.#apply();
    await this.#window.start();
  }

  async stop(): Promise<void> {
    await this.#window.stop();
  }

  /** A window that is over is none: whoever changes another setting must not open it again. */
  read(): SettingsView {
    const view = this.#view.value;
    return this.#hidden.value ? { ...view, discovery: 'off' } : view;
  }

  /** Durable when it resolves, with `note`, its event. Throws `bad-request` for a name that nobody could read. */
  async write(wanted: SettingsRequest, note?: AuditNote): Promise<SettingsView> {
    const { tunnel, discovery } = wanted;
    const name = readableName(wanted.name);
    if (name === '') {
      const message = 'this name has nothing that can be read; choose another one';
      throw new Problem('bad-request', message, { status: 400 });
    }
    const next: SettingsView = {
      name,
      tunnel,
      discovery:
        typeof discovery === 'string'
          ? discovery
          : { until: this.#options.clock.now() + discovery.forMinutes * 60_000 },
    };
    await privateFolder(this.#options.folder);
    const notes = withNote(this.#notes.value, note);
    await writeAtomic(this.#path, checkedJson({ ...next, notes }));
    this.#options.markers.note(marker);
    this.#options.health.clear(this.name);
    this.#view.set(next);
    this.#notes.set(notes);
    this.#setClosing();
    await this.#apply();
    return next;
  }

  #setClosing(): void {
    const { discovery } = this.#view.value;
    const { clock } = this.#options;
    if (typeof discovery !== 'string') this.#closesAt = clock.monotonic() + discovery.until - clock.now();
  }

  /** Answers when a window closes. */
  #apply(): Promise<number | undefined> {
    const { name, tunnel, discovery } = this.#view.value;
    const left = typeof discovery === 'string' ? 0 : this.#closesAt - this.#options.clock.monotonic();
    this.#boxName.set(name);
    this.#tunnelWanted.set(tunnel);
    this.#hidden.set(discovery === 'off' || (typeof discovery !== 'string' && left <= 0));
    this.#discoverable.set(left > 0);
    return Promise.resolve(left > 0 ? left : undefined);
  }

  get #path(): string {
    return join(this.#options.folder, 'settings.json');
  }

  /** A damaged or lost file costs the settings, not the box; what it said cannot be *open*, where nobody knows. */
  async #load(): Promise<Partial<Static<typeof Kept>>> {
    const { markers, health, log } = this.#options;
    const text = await readIfThere(this.#path);
    if (text === undefined && !markers.has(marker)) return {};
    try {
      if (text === undefined) throw new Error('it is missing');
      const kept = Value.Parse(Kept, readCheckedJson(text));
      markers.note(marker);
      return kept;
    } catch (error) {
      log.warn(`${this.#path} is damaged: ${messageOf(error)}`);
      const message =
        'the settings that owners made are lost: nobody finds the box, and its tunnel is closed';
      const remedy = 'look at Settings in the console and save them again, or restore a backup';
      health.set(this.name, 'error', message, remedy);
      return closed;
    }
  }
}
