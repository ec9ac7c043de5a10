import { access, constants, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, type Exit } from '../../kit/runtime/child.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { privateFolder, writeAtomic } from '../../kit/store/files.ts';
import type { TunnelGrant } from '../../protocol/zone-api.ts';
import { pagekiteOptions } from './pagekite-options.ts';
import { type PagekiteEvent, parsePagekiteLine } from './pagekite-output.ts';

const launcher = fileURLToPath(new URL('pagekite-launcher.py', import.meta.url));

export interface PagekiteOptions {
  grant: TunnelGrant;
  localPort: number;
  localKey: string | undefined;
  /** For the option file: gone after a restart of the machine. */
  runtimeFolder: string;
  /** The packaged program, and the Python it is packaged for. */
  program: string;
  python: string;
  onEvent: (event: PagekiteEvent) => void;
}

/** The PageKite client as our child. */
export class Pagekite {
  readonly exited: Promise<Exit>;
  readonly #child: Child;
  readonly #secretFiles: readonly string[];

  private constructor(child: Child, secretFiles: readonly string[]) {
    this.#child = child;
    this.#secretFiles = secretFiles;
    this.exited = child.exited;
  }

  /** Writes the option file (0600: the secret is in it, never in an argument) and starts the program. */
  static async start(options: PagekiteOptions): Promise<Pagekite> {
    const { grant, localPort, localKey, runtimeFolder, program, python, onEvent } = options;
    for (const path of [python, program]) await installed(path);
    await privateFolder(runtimeFolder);
    const optionFile = join(runtimeFolder, 'pagekite.conf');
    const cas = grant.frontends.flatMap(({ ca }) => (ca === undefined ? [] : [ca]));
    const caFile = cas.length === 0 ? undefined : join(runtimeFolder, 'pagekite-ca.pem');
    if (caFile !== undefined) await writeAtomic(caFile, cas.join('\n'));
    await writeAtomic(optionFile, pagekiteOptions({ grant, localPort, caFile }));
    // For the launcher, in a file as the other secret is: `PORT` and, on the next line, what to say there.
    const keyFile = join(runtimeFolder, 'local-key');
    if (localKey === undefined) await rm(keyFile, { force: true });
    else await writeAtomic(keyFile, `${localPort}\n${localKey}`);
    const child = new Child({
      command: python,
      args: ['-B', launcher, program, '--clean', `--optfile=${optionFile}`],
      onLine: (line) => {
        const event = parsePagekiteLine(line);
        if (event !== undefined) onEvent(event);
      },
      graceMs: 1000,
    });
    return new Pagekite(child, [optionFile, keyFile]);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    for (const file of this.#secretFiles) await rm(file, { force: true });
  }
}

async function installed(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    const message = `the PageKite client is not installed (no ${path}): install Debian's package pagekite`;
    throw new Problem('pagekite-missing', message, { cause: error, details: { path } });
  }
}
