import { open, rm } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type Clock, type Random, seconds } from '../runtime/clock.ts';
import { codeOf } from '../runtime/errors.ts';
import { type Fact, OwnedFact } from '../runtime/fact.ts';
import type { Health } from '../runtime/health.ts';
import type { Log } from '../log/log.ts';
import { Reconciler } from '../runtime/reconcile.ts';
import type { Service } from '../runtime/service.ts';
import { onStorageFailure, type StorageFailure } from './failures.ts';
import { nearestFolder } from './place.ts';
import {
  leastRoomBytes,
  reasonAt,
  type StorageFault,
  type StorageProblem,
  storageProblem,
} from './problem.ts';
import { beginOutage, endOutage } from './told.ts';

export interface StorageWatchOptions {
  /** What is stored below these is watched; one may be on another disk than the others. */
  folders: readonly string[];
  health: Health;
  log: Log;
  clock: Clock;
  random: Random;
}

/** The condition. */
const name = 'storage';
/** Looks cost no write while all is well. */
const lookEveryMs = seconds(5);
/** An error of the disk may hit one file and spare the probe: it is over when nothing has failed for so long. */
const quietMs = seconds(30);
/** The name of a file that is being made (`isBeingMade`): one that a killed process leaves behind means nothing. */
const probeFile = '.writable.tmp';

/**
 * Whether what this process keeps can be saved: one condition for all its stores, raised by the first write that fails, or by a
 * look at the disk, and withdrawn once a probe of each place that failed is written. One line in the log when it begins, and
 * one when it ends.
 */
export class StorageWatch implements Service {
  readonly name = name;
  readonly #options: StorageWatchOptions;
  readonly #loop: Reconciler;
  readonly #fault = new OwnedFact<StorageFault | undefined>(undefined);
  /** Places that failed, each with its probe. */
  readonly #failed = new Map<string, (() => void) | undefined>();
  #since = 0;
  #lastFailure = 0;
  #failures = 0;
  #unlisten: (() => void) | undefined;

  constructor(options: StorageWatchOptions) {
    this.#options = options;
    this.#loop = new Reconciler({ ...options, name, watch: [], reconcile: () => this.#look() });
  }

  /** Why nothing can be saved now; `undefined` while all is well. */
  get fault(): Fact<StorageFault | undefined> {
    return this.#fault;
  }

  async start(): Promise<void> {
    this.#unlisten ??= onStorageFailure((failure) => this.#met(failure));
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#unlisten?.();
    this.#unlisten = undefined;
    endOutage(this);
  }

  #met({ problem, path, tryAgain }: StorageFailure): void {
    const { folders, clock } = this.#options;
    if (!folders.some((folder) => path === folder || path.startsWith(`${folder}${sep}`))) return;
    this.#failed.set(path, tryAgain);
    this.#lastFailure = clock.monotonic();
    this.#failures++;
    this.#say(outageOf(problem));
  }

  async #look(): Promise<number> {
    const seen = this.#seen();
    if (seen !== undefined) this.#say(seen);
    else if (this.#fault.value !== undefined) await this.#tryAgain(this.#fault.value);
    return lookEveryMs;
  }

  /** What is wrong with the disks, as far as it can be seen. */
  #seen(): Outage | undefined {
    for (const path of this.#options.folders) {
      const reason = reasonAt(path);
      if (reason !== undefined) return { path, ...reason };
    }
    return undefined;
  }

  async #tryAgain(fault: StorageFault): Promise<void> {
    const failure = await this.#stillFailing();
    if (failure !== undefined) this.#say(outageOf(failure));
    else if (fault !== 'storage-failed' || this.#options.clock.monotonic() - this.#lastFailure >= quietMs)
      this.#over();
  }

  /** Tries each place that failed; answers the first one that still does. */
  async #stillFailing(): Promise<StorageProblem | undefined> {
    for (const [path, tryAgain] of this.#failed) {
      try {
        await writeProbe(join(nearestFolder(dirname(path)), probeFile));
        tryAgain?.();
      } catch (error) {
        return storageProblem(path, error);
      }
    }
    return undefined;
  }

  #say({ fault, path, what, remedy }: Outage): void {
    const { health, log, clock } = this.#options;
    const message = `${sentences[fault]}: ${what}`;
    if (this.#fault.value === undefined) {
      this.#since = clock.monotonic();
      log.error({ code: fault, path }, `${message} (${path}); ${remedy}`);
      beginOutage(this);
    }
    if (this.#fault.value === fault) return;
    health.set(name, 'error', message, `${remedy}; it goes on by itself, within a minute`, fault);
    this.#fault.set(fault);
  }

  #over(): void {
    const { health, log, clock } = this.#options;
    const lasted = Math.round((clock.monotonic() - this.#since) / 1000);
    endOutage(this);
    log.info({ failures: this.#failures }, `changes are saved again, after ${lasted} s`);
    this.#failed.clear();
    this.#failures = 0;
    health.clear(name);
    this.#fault.set(undefined);
  }
}

interface Outage {
  fault: StorageFault;
  path: string;
  what: string;
  remedy: string;
}

function outageOf({ fault, details }: StorageProblem): Outage {
  const { path, what, remedy } = details;
  return { fault, path: String(path), what: String(what), remedy: String(remedy) };
}

const sentences: Record<StorageFault, string> = {
  'storage-full': 'nothing can be saved',
  'storage-read-only': 'nothing can be saved',
  'storage-failed': 'not everything can be read or saved',
};

/** Takes room, and gives it back. */
async function writeProbe(path: string): Promise<void> {
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(Buffer.alloc(leastRoomBytes, 1));
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true }).catch((error: unknown) => {
      if (codeOf(error) !== 'EROFS') throw error;
    });
  }
}
