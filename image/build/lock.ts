/** A Debian package exactly: `path` is that of its URL below a mirror, `sha256` in hex. */
export interface LockedPackage {
  name: string;
  version: string;
  architecture: string;
  /** Configured inside the root file system, or only unpacked into it by the build. */
  how: 'install' | 'unpack' | 'tool';
  path: string;
  size: number;
  sha256: string;
}

export interface Lock {
  /** When Debian's archive looked like this: seconds since 1970, the image's SOURCE_DATE_EPOCH. */
  time: number;
  packages: readonly LockedPackage[];
}

const header = '# Written by npm run image -- --update-lock. name version architecture how size sha256 path';

/** The lock as it is kept in image/lock/: one line a package, sorted, so that a change reads well in a diff. */
export function formatLock({ time, packages }: Lock): string {
  const lines = packages.map(({ name, version, architecture, how, size, sha256, path }) =>
    [name, version, architecture, how, size, sha256, path].join(' '),
  );
  return [header, `time ${new Date(time * 1000).toISOString()}`, ...lines.toSorted(), ''].join('\n');
}

/** Throws with the line that is wrong. */
export function parseLock(text: string): Lock {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const time = Date.parse(/^time (\S+)$/.exec(lines[0] ?? '')?.[1] ?? '') / 1000;
  if (!Number.isInteger(time))
    throw new Error(`the lock does not begin with its time, but with “${lines[0]}”`);
  return { time, packages: lines.slice(1).map(parsePackage) };
}

const lineShape =
  /^(?<name>[a-z0-9][a-z0-9+.-]+) (?<version>[\w.+~:-]+) (?<architecture>all|amd64|arm64) (?<how>install|unpack|tool) (?<size>[1-9]\d*) (?<sha256>[0-9a-f]{64}) (?<path>debian(-security)?\/pool\/[\w.+~/%:-]+\.deb)$/;

function parsePackage(line: string): LockedPackage {
  const found = lineShape.exec(line)?.groups;
  if (found === undefined || line.includes('..')) throw new Error(`not a line of a lock: ${line}`);
  return { ...(found as unknown as LockedPackage), size: Number(found['size']) };
}
