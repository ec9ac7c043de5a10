import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { awaitReturn } from '../../../src/cli/agent/returned.ts';
import { targetOf } from '../../../src/cli/agent/target.ts';
import { agentCommand } from '../../../src/cli/agent.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';
import { codeOf } from '../../../src/kit/runtime/errors.ts';
import { exitCode } from '../../../src/kit/config/command.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';
import { porchlight, run, tooLong } from '../run.ts';

describe('porchlight agent', () => {
  it('runs until it is told to end, once for each folder, and says so', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const args = ['--folder', folder, '--port', String(port)];
    const status = () => run(agentCommand, ['status', '--folder', folder]);
    expect(await status()).toMatchObject({
      code: exitCode.unhealthy,
      out: expect.stringContaining('does not run'),
    });

    const start = async () => {
      const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname;
      const child = spawn(process.execPath, [main, 'agent', ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await expect.poll(() => said, soon).toContain(`Server started on port ${port}`);
      return child;
    };
    const first = await start();
    const { out } = await status();
    expect(out).toContain(`runs on port ${port}`);
    expect(out).toContain('not paired with any box');
    expect(await run(agentCommand, args)).toMatchObject({
      code: exitCode.failed,
      err: expect.stringContaining('an agent runs already'),
    });
    // What a page opens when it finds none: there is one after all.
    expect((await run(agentCommand, ['porchlight://auth/connect', ...args])).code).toBe(exitCode.ok);

    first.kill('SIGKILL');
    await once(first, 'close');
    expect(readFileSync(`${folder}/port.json`, 'utf8')).toContain(String(port));
    expect((await status()).out).toContain('does not run');
    const second = await start();
    second.kill('SIGTERM');
    expect(await once(second, 'close')).toEqual([exitCode.ok, null]);
    expect(existsSync(`${folder}/port.json`)).toBe(false);
  });

  it.each([
    [['porchlight://auth/other'], 'only porchlight://auth/connect can be opened'],
    [['porchlight://auth/connect?x=--folder'], 'only porchlight://auth/connect can be opened'],
    [['dance'], 'it takes no “dance”'],
    [['status', 'now'], 'it takes no “status now”'],
    [['pair', 'http://box.example'], 'is no address of a box'],
    [['pair', 'https://box.example'], 'is no address of a box'],
    [['logout', 'attic'], 'not paired with “attic”'],
  ])('refuses %j', async (args, words) => {
    const { code, err } = await run(agentCommand, [...args, '--folder', temporaryFolder()]);
    expect([code, err]).toEqual([exitCode.usage, expect.stringContaining(words)]);
  });

  it('has help that fits a terminal, and registers its link', async () => {
    // The desktop of whoever runs this stays as it is.
    const { PATH } = process.env;
    onTestFinished(() => void (process.env['PATH'] = PATH));
    const { out } = await porchlight(['agent', '--help']);
    expect(tooLong(out)).toEqual([]);
    expect(out).toContain('--ask');
    const data = temporaryFolder();
    process.env['PATH'] = data;
    const { code, err } = await run(agentCommand, ['--install'], { XDG_DATA_HOME: data });
    expect(existsSync(`${data}/applications/porchlight-agent.desktop`)).toBe(true);
    expect([code, err]).toEqual([exitCode.failed, expect.stringContaining('xdg-utils')]);
  });
});

describe('the box that is meant', () => {
  const id = `${'b'.repeat(51)}a`;
  const options = { registration: 'https://registration.test', runtime: {} };

  it.each([
    [`https://${id}.box.test/`, `https://${id}.box.test`, null],
    [`https://${id}.box.test:8443/#/apps`, `https://${id}.box.test:8443`, null],
    [`https://remote.${id}.box.test`, `https://${id}.box.test`, `https://remote.${id}.box.test`],
    [`https://a.${id}.box.test`, `https://${id}.box.test`, null],
  ])('is at %s', async (text, main, tunnel) => {
    const { box, origin } = await targetOf(text, options);
    expect(box).toMatchObject({ id, ways: { main, tunnel } });
    expect(origin).toBe(new URL(text).origin);
  });

  it('is one of those behind the same address', async () => {
    const ways = { main: `https://${id}.box.test`, mirrors: [], tunnel: null, address: null };
    const message = {
      local_origin: ways.main,
      mirror_origins: [],
      tunnel_origin: null,
      name: 'Attic',
      claimed: true,
    };
    const found = [
      { public_ip: '203.0.113.1', client: id, message: JSON.stringify(message), timestamp: Date.now() },
    ];
    const runtime = { fetch: async () => Response.json(found) };
    for (const text of [undefined, 'attic', id.slice(0, 8), id])
      expect((await targetOf(text, { ...options, runtime })).box.id).toBe(id);
    expect(await targetOf('cellar', { ...options, runtime }).catch(codeOf)).toBe('box-unknown');
    const nobody = { fetch: async () => Response.json([]) };
    expect(await targetOf(undefined, { ...options, runtime: nobody }).catch(codeOf)).toBe('box-unknown');
  });
});

const get = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end();
  });

describe('where the browser comes back to', () => {
  it('takes the answer to its own question and no other, once', async () => {
    const ended = new AbortController();
    const { redirectUri, returned, close } = await awaitReturn(ended.signal);
    onTestFinished(close);
    expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/paired$/);
    const answer = returned('state-of-this-request');
    expect(await get(`${redirectUri}?state=other&code=x`)).toBe(404);
    // No URL at all.
    expect(await get(`${new URL(redirectUri).origin}//`)).toBe(404);
    expect(await get(`${redirectUri}/?state=state-of-this-request&code=x`)).toBe(404);
    expect(await get(`${redirectUri}?state=state-of-this-request&code=y`)).toBe(200);
    expect(new URL(await answer).searchParams.get('code')).toBe('y');
    const never = returned('another').catch(String);
    ended.abort(new Error('too long'));
    expect(await never).toBe('Error: too long');
  });
});
