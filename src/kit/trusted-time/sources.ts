import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:https';
import { uptime } from 'node:os';
import { promisify } from 'node:util';
import { seconds } from '../runtime/clock.ts';

/** What there is to know about the time, beside the wall clock. A fake stands in for it in tests. */
export interface TimeSources {
  /** Which start of the machine this is; `undefined`: nobody can tell. */
  readonly boot: string | undefined;
  /** ms since the machine was started, time that it slept included. */
  uptime(): number;
  /** A time server has set the wall clock; with `after`, since that showed this time (it has jumped then). */
  synchronized(after: number | undefined, signal: AbortSignal): Promise<boolean>;
  /** How far the wall clock is ahead of servers that prove who they are: one number for each that answers. */
  aheadOfServers(now: () => number, signal: AbortSignal): Promise<number[]>;
}

export interface Server {
  url: string;
  /** PEM; absent: the system's roots. */
  ca?: string | undefined;
}

/** The sources of this machine. `boot`: for a unit that cannot see it in /proc (`ProcSubset=pid`). */
export function systemSources(options: {
  boot?: string | undefined;
  servers: readonly Server[];
}): TimeSources {
  return {
    boot: options.boot ?? bootOfProc(),
    uptime: () => uptime() * 1000,
    synchronized: async (after, signal) =>
      (await synchronizedByTimesyncd(after)) ?? (await synchronizedByKernel(signal)),
    aheadOfServers: async (now, signal) => {
      const times = await Promise.all(options.servers.map((server) => ahead(server, now, signal)));
      return times.flat();
    },
  };
}

function bootOfProc(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Made again each time that systemd-timesyncd(8) has set the clock, by that clock. */
const timesyncdFile = '/run/systemd/timesync/synchronized';

/** `undefined`: there is no timesyncd here, or it has not done it yet. */
async function synchronizedByTimesyncd(after: number | undefined): Promise<boolean | undefined> {
  try {
    const { mtimeMs } = await stat(timesyncdFile);
    return after === undefined || mtimeMs >= after - seconds(1) ? true : undefined;
  } catch {
    return undefined;
  }
}

const run = promisify(execFile);

/**
 * The kernel's own flag (STA_UNSYNC of adjtimex(2)), which every time service clears, and which anybody who sets the clock by
 * hand sets again. Only a program can read it: systemd's (timedatectl(1)), where systemd runs.
 */
async function synchronizedByKernel(signal: AbortSignal): Promise<boolean> {
  // sd_booted(3): without systemd there is nobody whom the program could ask.
  if (!existsSync('/run/systemd/system')) return false;
  try {
    const asked = ['show', '--property=NTPSynchronized', '--value'];
    // With nothing of ours around it: systemd's programs tell NOTIFY_SOCKET when they fail, in the name of the box.
    const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
    const { stdout } = await run('timedatectl', asked, { env, timeout: seconds(2), signal });
    return stdout.trim() === 'yes';
  } catch {
    return false;
  }
}

const answerMs = seconds(5);

/** By the `Date` of an answer (RFC 9110, 6.6.1), whatever else that says. */
function ahead({ url, ca }: Server, now: () => number, signal: AbortSignal): Promise<number[]> {
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    if (!URL.canParse(url) || new URL(url).protocol !== 'https:') return resolve([]);
    const trust = ca === undefined ? {} : { ca };
    const call = request(url, { method: 'HEAD', agent: false, ...trust, signal: limit }, (answer) => {
      const time = Date.parse(answer.headers.date ?? '');
      resolve(Number.isNaN(time) ? [] : [now() - time]);
      answer.destroy();
    });
    call.on('error', () => resolve([]));
    call.end();
  });
}
