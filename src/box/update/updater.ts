import { type Clock, days, hours, minutes, type Random, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { backoffDelay } from '../../kit/runtime/retry.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { InstallRequest, Release, UpdateSettings } from '../../protocol/update-api.ts';
import type { UpdateState } from '../facts.ts';
import { type AuditNote, withNote } from '../audit-notes.ts';
import type { RaucStatus } from './rauc.ts';
import { RestartPlan } from './restart-plan.ts';
import { conditionOf } from './update-condition.ts';
import { UpdateJobs } from './update-jobs.ts';
import { checkDelayMs, newestRelease, type RestartHours, releaseToTake } from './update-policy.ts';
import type { UpdateMemory } from './update-record.ts';
import { UpdateSteps, type UpdateStepsOptions, type Work } from './update-steps.ts';
import { compareVersions } from './versions.ts';

export interface UpdaterOptions extends UpdateStepsOptions {
  memory: UpdateMemory;
  /** What holds until an owner changes it. */
  configured: UpdateSettings;
  restartHours: RestartHours | undefined;
  /** Restarts the machine. */
  restart: () => Promise<void>;
  health: Health;
  clock: Clock;
  random: Random;
  log: Log;
}

const askAgain = { initialMs: minutes(10), factor: 2, capMs: hours(6), jitter: 0.5 };
/** How old what RAUC said may be when somebody asks. */
const freshMs = seconds(5);
/** A trial ends by a word of root’s, in a file. */
const trialLookMs = seconds(10);
/** What seems to wait for a restart may be what porchlight-confirm is about to give up. */
const waitingLookMs = minutes(5);

/** Owner of what runs, what there is, and the way from one to the other. */
export class Updater implements Service {
  readonly name = 'update';
  readonly #options: UpdaterOptions;
  readonly #steps: UpdateSteps;
  readonly #jobs: UpdateJobs;
  readonly #state: OwnedFact<UpdateState>;
  readonly #rounds: Reconciler;
  readonly #restart: RestartPlan;
  readonly #settingsNotes = new OwnedFact<readonly AuditNote[]>([]);
  /** What the release folder last said. */
  #known: readonly Release[] = [];
  /** Bundles (by SHA-256) that are not fetched a second time unasked. */
  readonly #unfit = new Set<string>();
  #machine: RaucStatus | undefined;
  /** The look that is under way, if any, with those that wait for it. */
  #observed: Promise<void> = Promise.resolve();
  /** On the monotonic clock, as those below. */
  #lookedAt = -Infinity;
  #askAt = 0;
  #heardAt = 0;
  #failures = 0;

  constructor(options: UpdaterOptions) {
    this.#options = options;
    const { clock, log, random, restartHours } = options;
    this.#steps = new UpdateSteps(options);
    this.#jobs = new UpdateJobs({ show: (change) => this.#show(change), over: () => this.#lookAgain(), log });
    this.#restart = new RestartPlan({ hours: restartHours, share: random(), clock });
    this.#state = new OwnedFact<UpdateState>({
      phase: 'not-an-appliance',
      version: options.version,
      slot: null,
      target: null,
      progress: null,
      available: null,
      checkedAt: null,
      restartsAt: null,
      trouble: null,
      takenBack: null,
      server: options.releases !== undefined,
      ...options.configured,
    });
    const reconcile = (signal: AbortSignal): Promise<number | undefined> => this.#round(signal);
    this.#rounds = new Reconciler({ ...options, name: this.name, watch: [], reconcile });
  }

  get state(): Fact<UpdateState> {
    return this.#state;
  }

  /** The events of what people did, for the audit log. */
  get notes(): readonly Fact<readonly AuditNote[]>[] {
    return [this.#settingsNotes, this.#options.history.notes];
  }

  async start(): Promise<void> {
    const { memory, history, clock, random } = this.#options;
    const { notes = [], ...settings } = await memory.settings();
    this.#show(settings);
    this.#settingsNotes.set(notes);
    await history.load();
    this.#heardAt = clock.monotonic();
    this.#askAt = this.#heardAt + checkDelayMs(true, random());
    await this.#rounds.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#jobs.stop(), this.#rounds.stop()]);
  }

  /** The state; RAUC is asked again when what it said is old. */
  look(): UpdateState {
    if (this.#options.clock.monotonic() - this.#lookedAt > freshMs) this.#rounds.nudge();
    return this.#state.value;
  }

  /** Durable when it resolves. */
  async configure(settings: UpdateSettings, note?: AuditNote): Promise<UpdateState> {
    const notes = withNote(this.#settingsNotes.value, note);
    await this.#options.memory.writeSettings({ ...settings, notes });
    this.#settingsNotes.set(notes);
    if (settings.channel !== this.#state.value.channel) {
      this.#known = [];
      this.#show({ available: null, checkedAt: null });
    }
    this.#show(settings);
    this.#rounds.nudge();
    return this.#state.value;
  }

  /** Asks the release folder what there is. Throws `no-update-server`, `update-busy`, and what the folder answers. */
  async check(): Promise<UpdateState> {
    const work = await this.#claim();
    try {
      await this.#ask(work);
    } finally {
      await this.#jobs.done();
    }
    return this.#state.value;
  }

  /**
   * Begins to fetch and write what is available, or the version named; how it goes is in the state. Throws `no-such-release`,
   * `downgrade-refused`, `update-busy`, `on-trial`, `not-an-appliance`, and what `still` throws, which is asked before
   * anything is written.
   */
  async install(
    { version, allowDowngrade = false }: InstallRequest,
    still: () => void = () => undefined,
    note?: AuditNote,
  ): Promise<UpdateState> {
    const work = await this.#claim({ allowDowngrade, note });
    await this.#jobs.begin(async () => {
      if (this.#find(version, work) === undefined) await this.#ask(work);
      const release = this.#find(version, work);
      if (release === undefined) {
        const what = version === undefined ? 'nothing newer than what runs' : `no version ${version}`;
        throw new Problem('no-such-release', `there is ${what} in this channel for this box`, {
          status: 404,
        });
      }
      this.#steps.refuseUnfit(release, work);
      still();
      await this.#pauseForOlder(release.version);
      return () => this.#steps.take(release, work);
    });
    return this.#state.value;
  }

  /**
   * Stores a bundle as it comes, and begins to write it when it is one for this box. Throws `bundle-refused`,
   * `downgrade-refused`, `storage-full`, `body-too-large`, `update-busy`, `on-trial`, `not-an-appliance`, what the source
   * fails with, and what `still` throws, which is asked before anything is installed.
   */
  async receive(
    source: AsyncIterable<Uint8Array>,
    how: Pick<Work, 'allowDowngrade' | 'note'>,
    still: () => void = () => undefined,
  ): Promise<UpdateState> {
    const work = await this.#claim(how);
    await this.#jobs.begin(async () => {
      const path = await this.#steps.store(source, work);
      const version = await this.#steps.inspect(path, work, still);
      await this.#pauseForOlder(version);
      return () => this.#steps.write(path, version, work);
    });
    return this.#state.value;
  }

  /** Who goes back on purpose does not want to be brought forward again the next night. */
  async #pauseForOlder(version: string): Promise<void> {
    const { channel, paused } = this.#state.value;
    const older = compareVersions(version, this.#options.version) < 0;
    if (older && !paused) await this.configure({ channel, paused: true });
  }

  /** Restarts the machine into what was written. Throws `nothing-to-restart-into`. */
  async restart(): Promise<UpdateState> {
    const { phase, target } = this.#state.value;
    if (phase !== 'awaiting-reboot')
      throw new Problem('nothing-to-restart-into', 'no update waits for a restart', { status: 409 });
    this.#options.log.info(`restarting into version ${target}`);
    this.#restart.asked();
    await this.#options.restart();
    return this.#state.value;
  }

  async #round(signal: AbortSignal): Promise<number | undefined> {
    // Who does something looks again when it is done.
    if (this.#jobs.busy) return undefined;
    await this.#observe(signal);
    if (this.#machine?.installing === true) await this.#follow(signal);
    if (this.#askInMs === 0) await this.#takeUnasked(signal);
    if (this.#restart.leftMs === 0) await this.restart();
    const { phase } = this.#state.value;
    if (phase === 'trial') return trialLookMs;
    if (phase === 'awaiting-reboot') return Math.min(waitingLookMs, this.#restart.leftMs ?? Infinity);
    return this.#askInMs;
  }

  /** How long until the release folder is asked; `undefined`: not at all, as things are. */
  get #askInMs(): number | undefined {
    const { phase, paused, server } = this.#state.value;
    if (!server || paused || (phase !== 'idle' && phase !== 'failed')) return undefined;
    return Math.max(0, this.#askAt - this.#options.clock.monotonic());
  }

  /** One look after the other: each settles what has become of the last try. */
  #observe(signal: AbortSignal): Promise<void> {
    const look = this.#observed.then(() => this.#look(signal));
    this.#observed = look.catch(() => undefined);
    return look;
  }

  /** What is the case, by RAUC and by what was tried. */
  async #look(signal: AbortSignal): Promise<void> {
    const { rauc, history, clock } = this.#options;
    this.#machine = await rauc.status(signal);
    this.#lookedAt = clock.monotonic();
    if (this.#machine === undefined) return this.#show({ phase: 'not-an-appliance' });
    if (this.#machine.installing) return this.#show({ phase: 'installing' });
    const { booted, next, slots } = this.#machine;
    const onTrial = await history.review(this.#machine);
    // What is started next may be the other slot for another reason, until this start is found good (GRUB).
    const waits = next !== booted && onTrial === next;
    const { trouble, paused } = this.#state.value;
    const written = history.attempt?.version ?? slots.find(({ bootname }) => bootname === next)?.version;
    this.#restart.want(waits && !paused);
    this.#show({
      phase: onTrial === booted ? 'trial' : waits ? 'awaiting-reboot' : trouble === null ? 'idle' : 'failed',
      slot: booted,
      target: waits ? (written ?? null) : null,
      restartsAt: this.#restart.at,
      takenBack: history.takenBack,
    });
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#observe(AbortSignal.timeout(seconds(60)));
    } catch (error) {
      this.#options.log.warn({ code: codeOf(error) }, `update: ${messageOf(error)}`);
    }
    this.#rounds.nudge();
  }

  /** After the look that is under way: it would take what is begun now for something that was never done. */
  async #claim(
    options: Partial<Pick<Work, 'allowDowngrade' | 'note'>> & { also?: AbortSignal } = {},
  ): Promise<Work> {
    for (let seen; seen !== this.#observed; await seen) seen = this.#observed;
    return this.#jobs.claim(this.#machine, { phase: this.#state.value.phase, ...options });
  }

  async #ask({ signal, show, machine: { compatible } }: Work): Promise<void> {
    const { clock, version } = this.#options;
    show({ phase: 'checking' });
    this.#known = await this.#steps.releasesOf(this.#state.value.channel, signal);
    this.#heardAt = clock.monotonic();
    const newest = newestRelease({ releases: this.#known, compatible, running: version });
    const available = newest && { version: newest.version, size: newest.size, notes: newest.notes };
    show({ available: available ?? null, checkedAt: clock.now() });
  }

  #find(version: string | undefined, { machine: { compatible } }: Work): Release | undefined {
    const releases = this.#known;
    if (version === undefined) return newestRelease({ releases, compatible, running: this.#options.version });
    return releases.find((release) => release.version === version && release.compatible === compatible);
  }

  async #takeUnasked(also: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const work = await this.#claim({ also });
    let release: Release | undefined;
    try {
      await this.#ask(work);
      release = this.#choose(work);
      if (release !== undefined) await this.#steps.take(release, work);
      this.#failures = 0;
      this.#askAt = clock.monotonic() + checkDelayMs(false, random());
      await this.#jobs.done();
    } catch (error) {
      this.#askAt = clock.monotonic() + backoffDelay(askAgain, ++this.#failures, random);
      log.warn({ code: codeOf(error) }, `update: ${messageOf(error)}`);
      if (release !== undefined && error instanceof Problem && !error.retryable)
        this.#unfit.add(release.sha256);
      // That nobody was reached is told only when it lasts.
      await this.#jobs.done(release === undefined ? undefined : error);
    }
  }

  #choose({ machine: { compatible } }: Work): Release | undefined {
    const { clock, history, version } = this.#options;
    return releaseToTake({
      releases: this.#known.filter(({ sha256 }) => !this.#unfit.has(sha256)),
      compatible,
      running: version,
      setbacks: history.setbacks,
      now: clock.now(),
    });
  }

  /** An installation that began before this process did, or that root began. */
  async #follow(also: AbortSignal): Promise<void> {
    const { rauc, history } = this.#options;
    const work = await this.#claim({ also });
    work.show({ phase: 'installing', target: history.attempt?.version ?? null });
    try {
      await rauc.follow(work.signal, (progress) => work.show({ progress }));
      await this.#jobs.done();
    } catch (error) {
      await this.#jobs.done(error);
    }
  }

  #show(change: Partial<UpdateState>): void {
    this.#state.set({ ...this.#state.value, ...change });
    const { health, clock } = this.#options;
    const { server, paused } = this.#state.value;
    const silentMs = server && !paused ? clock.monotonic() - this.#heardAt : 0;
    const condition = conditionOf(this.#state.value, Math.floor(silentMs / days(1)));
    if (condition === undefined) health.clear(this.name);
    else health.set(this.name, ...condition);
  }
}
