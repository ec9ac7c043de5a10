import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import notify from 'systemd-notify';

const run = promisify(execFile);

/** What the service manager is told (sd_notify(3)). Nothing is said, and nothing fails, where there is no manager. */
export interface ServiceManager {
  ready(status: string): Promise<void>;
  status(text: string): Promise<void>;
  stopping(): Promise<void>;
  watchdog(): Promise<void>;
  /** How often the manager wants to hear from us, ms; `undefined`: it does not. */
  readonly watchdogMs: number | undefined;
}

const silent: ServiceManager = {
  ready: () => Promise.resolve(),
  status: () => Promise.resolve(),
  stopping: () => Promise.resolve(),
  watchdog: () => Promise.resolve(),
  watchdogMs: undefined,
};

/** The package knows READY and STATUS; the other messages go to the same program in the same way. */
async function tell(message: string): Promise<void> {
  await run('systemd-notify', [`--pid=${process.pid}`, message], { timeout: 5000 });
}

/** The manager that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`); the unit needs `NotifyAccess=all`. */
export function serviceManager(environment: Readonly<Record<string, string | undefined>>): ServiceManager {
  if (environment['NOTIFY_SOCKET'] === undefined) return silent;
  const usec = Number(environment['WATCHDOG_USEC']);
  return {
    ready: async (status) => void (await notify({ ready: true, status, pid: process.pid })),
    status: async (status) => void (await notify({ status, pid: process.pid })),
    stopping: () => tell('STOPPING=1'),
    watchdog: () => tell('WATCHDOG=1'),
    watchdogMs: Number.isFinite(usec) && usec > 0 ? usec / 1000 : undefined,
  };
}
