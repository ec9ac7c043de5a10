import { Problem } from '../../kit/runtime/errors.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { Condition } from '../../kit/runtime/health.ts';
import type { Release, UpdateChannel, UpdateState } from '../../protocol/update-api.ts';
import type { AuditNote } from '../audit-notes.ts';
import type { BundleFolder } from './bundle-folder.ts';
import type { UpdateHistory } from './history.ts';
import type { Rauc, RaucStatus } from './rauc.ts';
import type { ReleaseFolder } from './release-folder.ts';
import { checkBundle } from './update-policy.ts';

export interface UpdateStepsOptions {
  rauc: Rauc;
  bundles: BundleFolder;
  history: UpdateHistory;
  /** Absent: there is none to ask. */
  releases: ReleaseFolder | undefined;
  /** What runs. */
  version: string;
  /** Of the whole box: noted before an update, to tell later what is its doing. */
  conditions: Fact<readonly Condition[]>;
}

/** The machine as it was when the work began. */
export interface Work {
  machine: RaucStatus;
  allowDowngrade: boolean;
  /** The event, when a person asked for it. */
  note?: AuditNote | undefined;
  signal: AbortSignal;
  show: (change: Partial<UpdateState>) => void;
}

/** The steps from a release to a slot that is started next. Each throws a `Problem` that says why it cannot be done. */
export class UpdateSteps {
  readonly #options: UpdateStepsOptions;

  constructor(options: UpdateStepsOptions) {
    this.#options = options;
  }

  async releasesOf(channel: UpdateChannel, signal: AbortSignal): Promise<readonly Release[]> {
    const { releases } = this.#options;
    if (releases === undefined) throw noServer();
    return releases.releases(channel, signal);
  }

  /** Fetches a release and writes it. */
  async take(release: Release, work: Work): Promise<void> {
    const { releases } = this.#options;
    if (releases === undefined) throw noServer();
    this.refuseUnfit(release, work);
    work.show({ phase: 'downloading', target: release.version, progress: 0 });
    const path = await releases.fetch(release, work.signal, (progress) => work.show({ progress }));
    const version = await this.inspect(path, work);
    if (version !== release.version) {
      // The list would have the same release written every day, or one that was rolled back as if it were new.
      await this.#options.bundles.clear();
      const message = `${release.file} is version ${version}, and the release folder calls it ${release.version}; whoever publishes it has to look`;
      throw new Problem('bundle-refused', message, { status: 422, retryable: false });
    }
    await this.write(path, version, work);
  }

  /** Stores a bundle that a person sends; answers its path. */
  async store(source: AsyncIterable<Uint8Array>, work: Work): Promise<string> {
    const { bundles } = this.#options;
    work.show({ phase: 'downloading', target: null, progress: null });
    await bundles.clear();
    await bundles.write(bundles.uploaded, source);
    return bundles.uploaded;
  }

  /** The version of a bundle that is for this box, by what stands under its signature. Others are not kept, nor one for which `still` throws. */
  async inspect(path: string, work: Work, still: () => void = () => undefined): Promise<string> {
    const { rauc, bundles } = this.#options;
    try {
      const bundle = await rauc.info(path, work.signal);
      this.refuseUnfit(bundle, work);
      still();
      return bundle.version;
    } catch (error) {
      await bundles.clear();
      throw error;
    }
  }

  refuseUnfit(bundle: { version: string; compatible: string }, { machine, allowDowngrade }: Work): void {
    const { compatible } = machine;
    checkBundle({ bundle, compatible, running: this.#options.version, allowDowngrade });
  }

  /** Writes a bundle to the slot that does not run, which is then started next. */
  async write(path: string, version: string, work: Work): Promise<void> {
    const { rauc, bundles, history, conditions } = this.#options;
    const { machine, signal, show, note } = work;
    const slot = machine.slots.find(({ booted }) => !booted)?.bootname;
    if (slot === undefined)
      throw new Problem('install-failed', 'this machine has no second slot to write to');
    const before = Object.fromEntries(conditions.value.map(({ name, severity }) => [name, severity]));
    await history.begin({ version, slot, before }, note);
    show({ phase: 'installing', target: version, progress: 0 });
    await rauc.install(path, signal, (progress) => show({ progress }));
    await bundles.clear();
  }
}

const noServer = (): Problem =>
  new Problem('no-update-server', 'this box has no update server; set update.server, or give it a bundle', {
    status: 409,
    retryable: false,
  });
