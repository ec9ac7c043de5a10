import { createHash, randomBytes } from 'node:crypto';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBox, startServer, testCaPem, zoneRoot } from '../../cloud/registration-server/setup.ts';
import { atEnd } from '../../support/at-end.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { execFile } from '../../support/programs.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const modules = join(root, 'node_modules');
const folder = temporaryFolder();

// openapi-typescript writes with the compiler's API, which TypeScript 7 does not have: it is given the one before.
const otherCompiler = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
   registerHooks({ resolve: (name, context, next) => next(name === 'typescript' ? 'typescript5' : name, context) });`,
)}`;

/** A program of somebody who has the document and no source of ours. */
const program = `
import createClient, { type ClientOptions } from 'openapi-fetch';
import type { components, paths } from './registration.js';

export type PingEntry = components['schemas']['PingEntry'];

export async function announceAndFind(
  options: { box: ClientOptions; browser: ClientOptions },
  client: string,
  message: string,
): Promise<{ seconds: number; found: PingEntry[]; code: string | undefined }> {
  const box = createClient<paths>(options.box);
  const announced = await box.POST('/register', { body: { client, message } });
  if (announced.data === undefined) throw new Error(announced.error.code);
  const browser = createClient<paths>(options.browser);
  const { data = [] } = await browser.GET('/ping', { params: { query: { code: announced.data.short_code } } });
  const refused = await box.POST('/register', { body: { client: 'a'.repeat(52), message } });
  return { seconds: announced.data.again_in, found: data, code: refused.error?.code };
}

export async function arrive(options: { box: ClientOptions; browser: ClientOptions }, state: string, hash: string): Promise<boolean[]> {
  const box = createClient<paths>(options.box);
  const browser = createClient<paths>(options.browser);
  const asked = async (): Promise<boolean> => {
    const { data } = await browser.GET('/arrivals/{hash}', { params: { path: { hash }, query: { wait: 0 } } });
    return data?.arrived ?? false;
  };
  const before = await asked();
  const { response } = await box.POST('/arrivals', { body: { state } });
  return [before, response.status === 204, await asked()];
}

/** The compiler takes each of these for a mistake, else it complains of the comment. */
export function mistakes(options: ClientOptions): void {
  const client = createClient<paths>(options);
  // @ts-expect-error -- a field is missing
  void client.POST('/register', { body: { client: '' } });
  // @ts-expect-error -- there is no such call
  void client.GET('/pong');
  // @ts-expect-error -- a number is wanted
  void client.GET('/arrivals/{hash}', { params: { path: { hash: '' }, query: { wait: 'long' } } });
}
`;

interface Program {
  announceAndFind(
    options: object,
    client: string,
    message: string,
  ): Promise<{ seconds: number; found: { client: string; message: string }[]; code?: string }>;
  arrive(options: object, state: string, hash: string): Promise<boolean[]>;
}

describe('a client generated from docs/api/registration.json', { timeout: 120_000 }, () => {
  let compiled: Program;
  const agents: Agent[] = [];
  afterAll(() => Promise.all(agents.map((agent) => agent.close())));

  beforeAll(async () => {
    symlinkSync(modules, join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'program.ts'), program);
    const generator = join(modules, 'openapi-typescript/bin/cli.js');
    const from = join(root, 'docs/api/registration.json');
    const to = join(folder, 'registration.d.ts');
    await run(process.execPath, ['--import', otherCompiler, generator, from, '-o', to]);
    const compiler = join(modules, 'typescript/bin/tsc');
    const flags = [
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--skipLibCheck',
      '--types',
      'node',
    ];
    await run(process.execPath, [compiler, ...flags, 'program.ts'], { cwd: folder }).catch(
      (error: unknown) => {
        throw new Error((error as { stdout: string }).stdout);
      },
    );
    compiled = (await import(join(folder, 'program.js'))) as Program;
  });

  /** How this machine reaches the server: as a box, by its certificate, or as a browser. */
  function over(
    port: number,
    identity: object = {},
  ): { baseUrl: string; fetch: (asked: Request) => Promise<unknown> } {
    const agent = new Agent({ connect: { ca: testCaPem, ...identity } });
    agents.push(agent);
    return {
      baseUrl: `https://localhost:${port}`,
      fetch: async (asked) => {
        const body = asked.method === 'GET' ? null : await asked.text();
        const { method, url } = asked;
        return fetch(url, { method, headers: [...asked.headers], body, dispatcher: agent });
      },
    };
  }

  it('announces a box, finds it, and is told in words of the document what is refused', async () => {
    const server = await startServer({ stateFolder: temporaryFolder(), zoneRoot });
    atEnd(() => server.stop());
    const { boxId, key, cert, announcement } = createBox();
    const options = { box: over(server.port, { key, cert }), browser: over(server.port) };
    const message = JSON.stringify(announcement);
    const answer = await compiled.announceAndFind(options, boxId, message);
    expect(answer.seconds).toBeGreaterThan(0);
    expect(answer.found).toMatchObject([{ client: boxId, message }]);
    expect(answer.code).toBe('client-mismatch');
    const state = randomBytes(16).toString('base64url');
    const hash = createHash('sha256').update(state).digest('hex');
    expect(await compiled.arrive(options, state, hash)).toEqual([false, true, true]);
  });
});
