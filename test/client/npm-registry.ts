import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { execFileSync } from '../support/programs.ts';

interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Where npm finds the package `name` for a package that lies in `from`. */
function folderOf(name: string, from: string): string | undefined {
  for (let folder = from; folder !== '/'; folder = join(folder, '..')) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(path)) return realpathSync(path);
  }
  return undefined;
}

/**
 * An npm registry on loopback, with the packages that this checkout has installed and what they need, so that a project can be
 * installed by the real npm without the internet. Close it when the project is there.
 */
export class LocalRegistry {
  readonly #folder: string;
  readonly #packages = new Map<string, { manifest: Manifest; file: string }>();
  readonly #server: Server;

  /** `folder`: where the archives are kept. `names`: packages of the checkout in `root`. */
  constructor(folder: string, root: string, names: readonly string[]) {
    this.#folder = folder;
    for (const name of names) this.#add(name, root);
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? '/').slice(1);
      const archive = [...this.#packages.values()].find(({ file }) => `-/${file}` === path);
      const found = this.#packages.get(path);
      if (archive !== undefined) response.end(readFileSync(join(folder, archive.file)));
      else if (found === undefined) response.writeHead(404).end('{}');
      else response.setHeader('content-type', 'application/json').end(JSON.stringify(this.#document(found)));
    });
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}/`;
  }

  async open(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #add(name: string, from: string): void {
    if (this.#packages.has(name)) return;
    const folder = folderOf(name, from);
    if (folder === undefined) return;
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const file = `${name.replaceAll(/[@/]/g, '_')}.tgz`;
    execFileSync('tar', [
      '-czf',
      join(this.#folder, file),
      '--exclude=./node_modules',
      '--transform=s,^\\.,package,',
      '-C',
      folder,
      '.',
    ]);
    this.#packages.set(name, { manifest, file });
    for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
      this.#add(needed, folder);
  }

  #document({ manifest, file }: { manifest: Manifest; file: string }): object {
    const digest = createHash('sha512')
      .update(readFileSync(join(this.#folder, file)))
      .digest('base64');
    const dist = { tarball: `${this.url}-/${file}`, integrity: `sha512-${digest}` };
    const { name, version } = manifest;
    return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  }
}
