import { execFile as execFileOf } from '../../support/programs.ts';
import { createReadStream } from 'node:fs';
import { chmod, link, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Type } from 'typebox';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Control, controlLimits, type ControlRoutes } from '../../../src/box/control/control.ts';
import { askControl } from '../../../src/cli/ask-control.ts';
import { codeOf, Problem } from '../../../src/kit/runtime/errors.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';

const execFile = promisify(execFileOf);
const root = join(import.meta.dirname, '../../..');
const Said = Type.Object({ said: Type.String() });

/** One call of every sort. */
const routes: ControlRoutes = (app) => {
  app.post('/echo', { schema: { body: Said } }, async (request) => ({ said: request.body.said }));
  app.get('/much', async (_request, reply) => reply.send(Readable.from(['"', 'a'.repeat(100_000), '"'])));
  app.get('/never', () => new Promise(() => undefined));
  app.get('/refused', async () => {
    throw new Problem('not-found', 'there is no such thing; look again', { status: 404 });
  });
  app.register(async (scope) => {
    scope.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
    scope.post('/upload', { bodyLimit: 10_000_000 }, async (request) => ({
      said: String((await text(request.body as Readable)).length),
    }));
  });
};

async function open(stateFolder: string): Promise<Control> {
  const control = new Control({ stateFolder, health: new Health(systemClock), log: silentLog }).add(routes);
  await control.start();
  onTestFinished(() => control.stop());
  return control;
}

const echo = (stateFolder: string, said: string): Promise<{ said: string }> =>
  askControl(stateFolder, { method: 'POST', path: '/echo', body: { said }, answer: Said });

const megabytes = (): Readable => Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(100_000)));

describe('the control socket', () => {
  it('answers who may open it, and is gone with the box', async () => {
    const folder = temporaryFolder();
    const control = await open(folder);
    expect(await echo(folder, 'hello')).toEqual({ said: 'hello' });
    expect((await stat(join(folder, 'control.sock'))).mode & 0o777).toBe(0o600);
    await control.stop();
    expect(await readdir(folder)).toEqual([]);
    await expect(echo(folder, 'hello')).rejects.toMatchObject({
      code: 'box-not-running',
      message: expect.stringMatching(/state folder .*start it .*--state/),
    });
  });

  it('takes the place of what a killed box left, and does not mistake that for a box', async () => {
    const folder = temporaryFolder();
    await abandonedSocket(join(folder, 'control.sock'));
    await expect(echo(folder, 'hello')).rejects.toMatchObject({ code: 'box-not-running' });
    await open(folder);
    expect(await echo(folder, 'again')).toEqual({ said: 'again' });
  });

  it('is found in a folder with a path too long for a socket', async () => {
    const folder = join(temporaryFolder(), 'x'.repeat(100), 'y'.repeat(100));
    await mkdir(folder, { recursive: true });
    const control = await open(folder);
    expect(await echo(folder, 'far')).toEqual({ said: 'far' });
    await control.stop();
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what the box says is wrong', async () => {
    const folder = temporaryFolder();
    await open(folder);
    await expect(askControl(folder, { method: 'GET', path: '/refused' })).rejects.toMatchObject({
      code: 'not-found',
      status: 404,
      message: 'there is no such thing; look again',
    });
    const bad = { method: 'POST', path: '/echo', body: { said: 7 } } as const;
    await expect(askControl(folder, bad)).rejects.toMatchObject({ code: 'bad-request', status: 400 });
    await expect(askControl(folder, { method: 'GET', path: '/other' })).rejects.toMatchObject({
      status: 404,
    });
    const misread = { method: 'GET', path: '/much', answer: Said } as const;
    await expect(askControl(folder, misread)).rejects.toMatchObject({ code: 'bad-answer' });
  });

  it('carries streams both ways, and only where a call takes them', async () => {
    const folder = temporaryFolder();
    await open(folder);
    const much = { method: 'GET', path: '/much', answer: Type.String() } as const;
    expect((await askControl(folder, much)).length).toBe(100_000);
    const upload = { method: 'POST', path: '/upload', answer: Said } as const;
    expect(await askControl(folder, { ...upload, body: megabytes() })).toEqual({ said: '5000000' });
    const elsewhere = { method: 'POST', path: '/echo', body: megabytes() } as const;
    await expect(askControl(folder, elsewhere)).rejects.toMatchObject({ status: 415 });
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(10);
        throw new Error('the card cannot be read');
      })(),
    );
    await expect(askControl(folder, { ...upload, body: broken })).rejects.toThrow('the card cannot be read');
    const missing = askControl(folder, { ...upload, body: createReadStream(join(folder, 'nothing')) });
    await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
    const nowhere = askControl(join(folder, 'z'.repeat(120)), { ...upload, body: megabytes() });
    await expect(nowhere).rejects.toMatchObject({ code: 'box-not-running' });
  });

  it('takes no more calls than it can hold, and ends those that wait when the box ends', async () => {
    const folder = temporaryFolder();
    const control = await open(folder);
    const lines = Array.from({ length: controlLimits.connections + 5 }, () =>
      createConnection(join(folder, 'control.sock')).on('error', () => undefined),
    );
    let closed = 0;
    for (const line of lines) line.on('close', () => (closed += 1));
    await expect.poll(() => closed).toBe(5);
    for (const line of lines) line.destroy();
    await expect.poll(() => echo(folder, 'free').catch(() => undefined)).toEqual({ said: 'free' });
    const waiting = askControl(folder, { method: 'GET', path: '/never' }).catch(codeOf);
    await expect.poll(() => echo(folder, 'both')).toEqual({ said: 'both' });
    await control.stop();
    expect(await waiting).toBe('box-not-running');
  });

  it('tells others that it is not for them', async () => {
    const folder = temporaryFolder();
    await open(folder);
    // Root may open everything: somebody else is asked to try.
    const somebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    await chmod(join(folder, 'control.sock'), 0o000);
    const script = `import { askControl } from ${JSON.stringify(join(root, 'src/cli/ask-control.ts'))};
      await askControl(${JSON.stringify(folder)}, { method: 'GET', path: '/never' }).catch(({ code }) => console.log(code));`;
    const child = execFile(process.execPath, ['--input-type=module', '-e', script], somebody);
    expect((await child).stdout.trim()).toBe('control-refused');
  });

  it('does not take a file for a box', async () => {
    const folder = temporaryFolder();
    await writeFile(join(folder, 'control.sock'), '');
    await expect(echo(folder, 'hello')).rejects.toMatchObject({ code: 'box-not-running' });
  });
});

/** The file of a socket that nobody listens on any more. */
async function abandonedSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: `${path}.live` }, resolve));
  await link(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
}
