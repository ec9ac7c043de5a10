import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { privateFolder, readIfThere, writeAtomic } from '../kit/store/files.ts';

/** Where programs on this computer read which port the agent has. */
export class PortFile {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get path(): string {
    return join(this.#folder, 'port.json');
  }

  async write(port: number): Promise<void> {
    await privateFolder(this.#folder);
    await writeAtomic(this.path, `${JSON.stringify({ port })}\n`);
  }

  /** The port that was written last: an agent that was killed leaves the file behind. */
  async read(): Promise<number | undefined> {
    try {
      const { port } = JSON.parse((await readIfThere(this.path)) ?? '') as { port?: unknown };
      return typeof port === 'number' ? port : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
