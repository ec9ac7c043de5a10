import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn, sayYes } from '../browser/connecting.ts';
import { House } from '../browser/house.ts';
import { temporaryFolder } from '../support/folder.ts';
import { execFile } from '../support/programs.ts';
import { noBrowser, takePictures } from '../web/browser.ts';
import { LocalRegistry } from './npm-registry.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();
const panel = join(folder, 'panel');
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' } as Record<
  string,
  string
>;

/** The panel as it was built. */
function serve(): Server {
  return createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : (request.url ?? '');
    try {
      const file = readFileSync(join(panel, 'dist', new URL(path, 'http://panel').pathname));
      response.setHeader('content-type', types[extname(path)] ?? 'text/plain').end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
}

const listApp = (origin: string): string => `(async () => {
    const session = await (await fetch('/api/session')).json();
    const { apps } = await (await fetch('/api/apps')).json();
    const app = { clientId: ${JSON.stringify(origin)}, name: 'Panel', redirectUris: [${JSON.stringify(`${origin}/`)}] };
    const headers = { 'content-type': 'application/json', 'x-csrf-token': session.csrf };
    const answer = await fetch('/api/apps', { method: 'PUT', headers, body: JSON.stringify({ apps: [...apps, app] }) });
    return answer.status + ' ' + (await answer.text());
})()`;

describe('the package of the SDK', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    const made = join(folder, 'made');
    const { stdout } = await run(process.execPath, [join(root, 'src/cli/sdk/main.ts'), made]);
    cpSync(join(root, 'docs/samples/panel'), panel, { recursive: true });
    const archives = join(folder, 'registry');
    mkdirSync(archives);
    const others = ['bonjour-service', 'undici', 'vite', 'typescript'];
    const own = JSON.parse(readFileSync(join(made, 'package/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const registry = new LocalRegistry(archives, root, [...others, ...Object.keys(own.dependencies)]);
    await registry.open();
    const words = [
      'install',
      '--no-audit',
      '--no-fund',
      '--registry',
      registry.url,
      '--cache',
      join(folder, 'cache'),
    ];
    try {
      await run('npm', [...words, stdout.trim(), ...others], { cwd: panel });
    } finally {
      await registry.close();
    }
  }, 240_000);

  it('is installed into a project that has nothing else, and loads in Node', async () => {
    const script = `
      import { discover, Problem } from 'porchlight-client';
      import { AppInstance } from 'porchlight-client/instance';
      import { findBoxes, folderStore } from 'porchlight-client/node';
      const store = folderStore(${JSON.stringify(join(folder, 'store'))});
      await store.save('a', 'b');
      const failed = await discover({ registration: 'https://127.0.0.1:9' }).catch((error) => error);
      console.log(JSON.stringify([typeof AppInstance, typeof findBoxes, await store.load('a'), failed instanceof Problem, failed.code]));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: panel });
    expect(JSON.parse(stdout)).toEqual(['function', 'function', 'b', true, 'unreachable']);
  });

  it('brings nothing for Node into what a page loads', () => {
    const files = join(panel, 'node_modules/porchlight-client');
    const seen = new Set<string>();
    const packages = new Set<string>();
    const follow = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(/(?:from|import) '([^']+)'/g))
        if (name.startsWith('.')) follow(join(path, '..', name));
        else packages.add(name);
    };
    follow(join(files, 'client/index.js'));
    expect([...packages]).toEqual([]);
    follow(join(files, 'client/instance/index.js'));
    expect([...packages].filter((name) => name.startsWith('node:'))).toEqual([]);
  });

  it('has types that need neither Node’s nor a flag', async () => {
    const options = { strict: true, target: 'es2024', module: 'nodenext', noEmit: true, types: [] };
    const compilerOptions = {
      ...options,
      lib: ['es2024', 'dom', 'dom.iterable'],
      allowImportingTsExtensions: true,
    };
    writeFileSync(
      join(panel, 'instance.ts'),
      `import { AppInstance, PorchlightMailbox } from 'porchlight-client/instance';\nexport const used = [AppInstance, PorchlightMailbox];\n`,
    );
    writeFileSync(
      join(panel, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['main.ts', 'instance.ts'] }),
    );
    const tsc = join(panel, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', panel]).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });

  it('is a first use in few lines', () => {
    const readme = readFileSync(join(panel, 'node_modules/porchlight-client/README.md'), 'utf8');
    expect(readme).toContain("from 'porchlight-client'");
    expect(readdirSync(join(panel, 'node_modules/porchlight-client'))).toContain('LICENSE');
  });

  describe.skipIf(noBrowser !== undefined)(`in the sample app ${noBrowser ?? ''}`, () => {
    let house: House;
    const server = serve();
    beforeAll(async () => {
      await run(process.execPath, [join(panel, 'node_modules/vite/bin/vite.js'), 'build'], { cwd: panel });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      house = await House.start({ unclaimed: false });
    }, 120_000);
    afterAll(async () => {
      await house?.close();
      server.close();
    });

    it('through Vite and in Chromium, is let in by the owner and says so', async () => {
      const { port } = server.address() as { port: number };
      const origin = `http://127.0.0.1:${port}`;
      const { page: owner } = await house.person();
      await owner.goto(`${house.origins.main}/`);
      await signIn(house, owner);
      await owner.getByRole('navigation').waitFor();
      expect(await owner.evaluate(listApp(origin))).toMatch(/^200 /);
      const { page } = await house.person();
      await page.goto(`${origin}/`);
      await page.getByLabel('Address of the box').fill(house.origins.main);
      await page.getByRole('button', { name: 'Ask to be let in' }).click();
      await page.getByText(/^Waiting for the owner of Home on one machine: \w{4}$/).waitFor();
      expect(await owner.evaluate(sayYes)).toEqual([1, 'Panel in the hall', expect.any(String), 204]);
      await page.getByText('Connected to Home on one machine as Panel in the hall (client)').waitFor();
      await takePictures(page, 'sample-panel');
      await page.reload();
      await page.getByText('Connected to Home on one machine as Panel in the hall (client)').waitFor();
    });
  });
});
