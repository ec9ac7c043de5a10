import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../root.ts';

const manifest = join(root, 'package.json');

/** Of this program, as in package.json. */
export async function version(): Promise<string> {
  return (await readManifest()).version;
}

/**
 * A clock that says an earlier time (ms) than this is wrong. An image says when it was made; in a checkout it is the time
 * of our own files.
 */
export async function builtAt(): Promise<number> {
  return (await readManifest()).builtAt ?? (await stat(manifest)).mtimeMs;
}

async function readManifest(): Promise<{ version: string; builtAt?: number }> {
  return JSON.parse(await readFile(manifest, 'utf8')) as { version: string; builtAt?: number };
}
