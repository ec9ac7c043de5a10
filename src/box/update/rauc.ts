import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import {
  type Manifest,
  manifestIn,
  type Operation,
  operationIn,
  primaryIn,
  type Slot,
  slotsIn,
} from './rauc-answers.ts';

const run = promisify(execFile);

const service = 'de.pengutronix.rauc';
const installer = 'de.pengutronix.rauc.Installer';
const pollMs = 500;
/** Not ours: where `busctl` finds `NOTIFY_SOCKET`, it tells the service manager of its own failures in our name. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

/** The bus that this environment names instead of the machine’s (`DBUS_SYSTEM_BUS_ADDRESS`, D-Bus Specification). */
export function busOf(env: Readonly<Record<string, string | undefined>>): { bus?: string } {
  const { DBUS_SYSTEM_BUS_ADDRESS: bus } = env;
  return bus === undefined ? {} : { bus };
}

/** How the machine stands, by RAUC; without a word on the slots while it installs. */
export interface RaucStatus extends Operation {
  slots: readonly Slot[];
  /** Boot name of the slot that runs, and of the one that is started next. */
  booted: string;
  next: string;
}

/**
 * RAUC on this machine: its service over D-Bus by `busctl`, which needs no more right than the policy for RAUC’s bus name
 * gives, and its command for what a bundle says of itself.
 */
export class Rauc {
  readonly #config: string;
  readonly #bus: string;
  readonly #clock: Clock;

  /** `config`: RAUC’s file of settings. `bus`: address of another bus than the machine’s. */
  constructor(options: { config: string; bus?: string; clock: Clock }) {
    this.#config = options.config;
    this.#bus = options.bus === undefined ? '--system' : `--address=${options.bus}`;
    this.#clock = options.clock;
  }

  /** `undefined` where there is no RAUC: this machine is no appliance. Throws `rauc-failed` when it does not do its work. */
  async status(signal: AbortSignal): Promise<RaucStatus | undefined> {
    try {
      const operation = await this.#operation(signal);
      // Asked for its slots while it installs, RAUC says that it is busy.
      if (operation.installing) return { ...operation, slots: [], booted: '', next: '' };
      const slots = slotsIn(await this.#call(signal, installer, 'GetSlotStatus'));
      const next = primaryIn(await this.#call(signal, installer, 'GetPrimary'));
      return {
        ...operation,
        slots,
        booted: slots.find(({ booted }) => booted)?.bootname ?? '',
        next: slots.find(({ id }) => id === next)?.bootname ?? '',
      };
    } catch (error) {
      signal.throwIfAborted();
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /** Checks the signature and answers the manifest. Throws `bundle-refused`: what is wrong with it, in RAUC’s words. */
  async info(bundle: string, signal: AbortSignal): Promise<Manifest> {
    const args = ['--conf', this.#config, 'info', '--output-format=json', bundle];
    try {
      const { stdout } = await run('rauc', args, { signal, timeout: seconds(300), maxBuffer: 1024 * 1024 });
      return manifestIn(stdout);
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === 'ENOENT') throw absent(error);
      const why = lastLine(stderrOf(error)) ?? messageOf(error);
      const message = `this bundle is not one for this box: ${why}; fetch it again, from whom you have the box`;
      throw new Problem('bundle-refused', message, { status: 422, retryable: false, cause: error });
    }
  }

  /** Writes the bundle to the slot that does not run, and makes it the next to start. Throws `install-failed`. */
  async install(bundle: string, signal: AbortSignal, onProgress: (percent: number) => void): Promise<void> {
    await this.#call(signal, installer, 'InstallBundle', 'sa{sv}', bundle, '0');
    await this.follow(signal, onProgress);
  }

  /** An installation that is under way, whoever began it. Throws `install-failed`. */
  async follow(signal: AbortSignal, onProgress: (percent: number) => void): Promise<void> {
    for (;;) {
      const { installing, progress, lastError } = await this.#operation(signal);
      if (!installing && lastError === '') return;
      if (!installing) {
        const message = `RAUC could not write the release: ${lastError}`;
        throw new Problem('install-failed', message, { retryable: false });
      }
      onProgress(progress);
      await this.#clock.sleep(pollMs, signal);
    }
  }

  /** Whether a slot is to be started from now on: the one that runs, or the other. RAUC takes that from root alone. */
  async mark(state: 'good' | 'bad', slot: 'booted' | 'other', signal: AbortSignal): Promise<void> {
    await this.#call(signal, installer, 'Mark', 'ss', state, slot);
  }

  async #operation(signal: AbortSignal): Promise<Operation> {
    const properties = 'org.freedesktop.DBus.Properties';
    return operationIn(await this.#call(signal, properties, 'GetAll', 's', installer));
  }

  async #call(signal: AbortSignal, ...words: readonly string[]): Promise<string> {
    const args = [this.#bus, '--json=short', '--timeout=60', 'call', service, '/', ...words];
    try {
      const options = { signal, timeout: seconds(70), maxBuffer: 1024 * 1024, env: environment };
      const { stdout } = await run('busctl', args, options);
      return stdout;
    } catch (error) {
      signal.throwIfAborted();
      const why = lastLine(stderrOf(error)) ?? messageOf(error);
      throw codeOf(error) === 'ENOENT' || /not provided by any|connect to bus/.test(why)
        ? absent(error)
        : new Problem('rauc-failed', `RAUC did not take ${words[1]}: ${why}`, { cause: error });
    }
  }
}

const absent = (cause: unknown): Problem =>
  new Problem('not-an-appliance', 'there is no RAUC on this machine, so it is updated as it was installed', {
    status: 409,
    retryable: false,
    cause,
  });

const isAbsence = (error: unknown): boolean => codeOf(error) === 'not-an-appliance';

function stderrOf(error: unknown): string {
  return error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : '';
}

function lastLine(output: string): string | undefined {
  return output
    .trim()
    .split('\n')
    .findLast((line) => line.trim() !== '');
}
