import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { AppServer } from '../../../src/cloud/app-server/app-server.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const built = join(folder, 'app');
const script = `console.log(${JSON.stringify('x'.repeat(5000))})`;
const page = '<!doctype html><script type="module" src="./assets/main-1a2b.js"></script>';
const ca = await createTestCa();
const tls = await ca.issue(['localhost']);
const health = new Health(systemClock);

function appServer(options: { folder?: string; port?: number } = {}): AppServer {
  return new AppServer({
    host: '127.0.0.1',
    port: 0,
    folder: built,
    tls,
    registrationOrigin: 'https://registration.example.org:4443',
    zoneRoot: 'box.example.org',
    log: silentLog,
    health,
    ...options,
  });
}

const server = appServer();

beforeAll(async () => {
  mkdirSync(join(built, 'assets'), { recursive: true });
  writeFileSync(join(built, 'index.html'), page);
  writeFileSync(join(built, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(built, 'assets/main-1a2b.js'), script);
  writeFileSync(join(built, 'assets/main-1a2b.js.map'), '{}');
  writeFileSync(join(folder, 'secret.txt'), 'not of the app');
  await server.start();
});
afterAll(() => server.stop());

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** The path goes out as written, which `fetch` would not do. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = server;
    const options = { host: '127.0.0.1', servername: 'localhost', port, path, method, headers };
    const request = httpsRequest({ ...options, ca: ca.caPem, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

describe('the app server', () => {
  it('serves the page so that a new one is seen at once, and its parts so that they are fetched once', async () => {
    const index = await get('/');
    expect(index).toMatchObject({ status: 200, body: Buffer.from(page) });
    expect(index.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'strict-transport-security': 'max-age=63072000',
    });
    const main = await get('/assets/main-1a2b.js');
    expect(main).toMatchObject({ status: 200, body: Buffer.from(script) });
    expect(main.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect((await get('/icon.svg')).headers['content-type']).toBe('image/svg+xml');
    expect((await get('/', {}, 'HEAD')).status).toBe(200);
    expect((await get('/?code=abc&state=def')).status).toBe(200);
  });

  it('sends what the browser has not', async () => {
    const { etag } = (await get('/')).headers as { etag: string };
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const answer = await get('/', { 'if-none-match': header });
      expect(answer, `asked with ${header}`).toMatchObject({ status: 304, body: Buffer.of() });
      expect(answer.headers).toMatchObject({ etag, 'cache-control': 'no-cache' });
    }
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('compresses for those who can read it', async () => {
    const zipped = await get('/assets/main-1a2b.js', { 'accept-encoding': 'br, gzip, deflate' });
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(zipped.body.length).toBeLessThan(200);
    expect(gunzipSync(zipped.body).toString()).toBe(script);
    for (const accept of ['identity', 'br', 'gzip;q=0', 'gzip; q=0.0, br'])
      expect((await get('/', { 'accept-encoding': accept })).headers['content-encoding']).toBeUndefined();
  });

  it('tells the app where its cloud is', async () => {
    const answer = await get('/config.json');
    expect(JSON.parse(answer.body.toString())).toEqual({
      registration: 'https://registration.example.org:4443',
      zoneRoot: 'box.example.org',
    });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-cache' });
  });

  it('lets the page speak to the cloud and to boxes only, and be framed by nobody', async () => {
    for (const path of ['/', '/assets/main-1a2b.js', '/config.json', '/nothing']) {
      const { headers } = await get(path);
      const policy = String(headers['content-security-policy']);
      expect(policy, `GET ${path}`).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain(
        "connect-src 'self' https://registration.example.org:4443 https://*.box.example.org:* wss://*.box.example.org:* http://127.0.0.1:41000 http://127.0.0.1:41001 ",
      );
      expect(policy).toContain(' http://127.0.0.1:41020; frame-src porchlight:;');
      expect(policy).not.toMatch(/unsafe|data:|https:(\s|;)/);
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
    }
  });

  it('has nothing but the built files', async () => {
    const paths = ['/secret.txt', '/../secret.txt', '/%2e%2e/secret.txt', '/assets/..%2f..%2fsecret.txt'];
    for (const path of [...paths, '/assets', '/assets/', '/assets/main-1a2b.js.map', '//', '/index.html%00'])
      expect((await get(path)).status, `GET ${path}`).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await get('/', {}, method)).status).toBe(404);
  });

  it('counts and says how it is, and starts again after a stop', async () => {
    const other = appServer();
    await other.start();
    await other.stop();
    await other.start();
    expect(other.metrics).toEqual({ pages: 0, files: 0, notModified: 0 });
    await other.stop();
    expect(health.conditions.value.some((condition) => condition.name === 'app')).toBe(false);
  });

  it('says what to do when the app is not built, or the port is taken', async () => {
    for (const missing of [join(folder, 'nowhere'), join(built, 'assets')]) {
      await expect(appServer({ folder: missing }).start()).rejects.toMatchObject({ code: 'pages-not-built' });
    }
    await expect(appServer({ port: server.port }).start()).rejects.toMatchObject({
      code: 'port-in-use',
      details: { setting: 'app.port' },
    });
  });

  it('names each state of a file by its content', async () => {
    const digest = createHash('sha256').update(script).digest('base64url').slice(0, 22);
    expect((await get('/assets/main-1a2b.js')).headers['etag']).toBe(`"${digest}"`);
  });
});
