import { run } from './run.ts';

/** Copies a file into the image: root's, whoever owns the checkout (Node's own copy would keep that owner). */
export async function installFile(from: string, to: string, mode = 0o644): Promise<void> {
  await run('install', ['-D', '-m', mode.toString(8), from, to]);
}
