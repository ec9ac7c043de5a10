import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Lock, LockedPackage } from './lock.ts';

const mirror = 'http://deb.debian.org';
/** Debian's own memory: what the mirror no longer has, as the archive was at the lock's time. */
const snapshot = 'https://snapshot.debian.org/archive';

export interface FetchedPackage extends LockedPackage {
  file: string;
}

/** Brings the locked packages into `folder`, those that are not yet there, and checks each against the lock. */
export async function fetchPackages({ packages, time }: Lock, folder: string): Promise<FetchedPackage[]> {
  await mkdir(folder, { recursive: true });
  const waiting = [...packages];
  const fetched: FetchedPackage[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      fetched.push({ ...next, file: await fetchPackage(next, time, folder) });
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return fetched.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function fetchPackage(wanted: LockedPackage, time: number, folder: string): Promise<string> {
  // The hash in the name keeps versions and architectures apart, and apt is content with it.
  const file = join(folder, `${wanted.sha256.slice(0, 16)}_${basename(wanted.path)}`);
  const kept = await readFile(file).catch(() => undefined);
  if (kept !== undefined && sha256(kept) === wanted.sha256) return file;
  const [, archive = '', rest = ''] = /^(debian(?:-security)?)\/(.*)$/.exec(wanted.path) ?? [];
  const stamp = new Date(time * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const urls = [`${mirror}/${wanted.path}`, `${snapshot}/${archive}/${stamp}/${rest}`];
  const said: string[] = [];
  for (const url of urls) {
    const content = await download(url).catch((error: unknown) => void said.push(`${url}: ${String(error)}`));
    if (content === undefined) continue;
    if (sha256(content) === wanted.sha256) {
      await writeFile(`${file}.new`, content);
      await rename(`${file}.new`, file);
      return file;
    }
    said.push(`${url}: is not what the lock says (sha256)`);
  }
  throw new Error(
    `${wanted.name} ${wanted.version} cannot be had:\n${said.join('\n')}\nnpm run image -- --update-lock takes what there is today.`,
  );
}

async function download(url: string): Promise<Buffer> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(300_000) });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return Buffer.from(await answer.arrayBuffer());
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
