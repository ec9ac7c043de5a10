import { existsSync } from 'node:fs';

const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as Record<string, string>;
/** Debian's libfaketime: what a program is told of the time of day; its timers and the uptime stay as they are. */
const library = `/usr/lib/${triplet[process.arch] ?? ''}/faketime/libfaketimeMT.so.1`;

export const noFaketime = existsSync(library)
  ? undefined
  : `${library} is not there: apt-get install libfaketime`;

/** What a clock says: `+100d`, or `@2038-01-19 03:14:00`, as faketime(1) writes it; absent: what it is. */
export type Faked = string | { file: string } | undefined;

/** What a program's environment has beside the rest, so that its clock says so. */
export function fakedClock(faked: Faked): Record<string, string> {
  if (faked === undefined) return {};
  const by = typeof faked === 'string' ? { FAKETIME: faked } : { FAKETIME_TIMESTAMP_FILE: faked.file };
  const always = { LD_PRELOAD: library, DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1', TZ: 'UTC' };
  return { ...always, ...by };
}
