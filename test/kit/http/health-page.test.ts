import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Health } from '../../../src/kit/runtime/health.ts';
import { HealthPage } from '../../../src/kit/http/health-page.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const pages: HealthPage[] = [];
afterEach(() => Promise.all(pages.splice(0).map((page) => page.stop())));

const health = new Health(new FakeClock(1000));

function pageAt(
  port: number,
  metrics = (): Promise<string> => Promise.resolve('tested_total 1\n'),
): HealthPage {
  const page = new HealthPage({
    port,
    setting: 'health.port',
    health,
    metrics,
    status: () => ({ boxId: 'abc' }),
  });
  pages.push(page);
  return page;
}

async function started(...args: [((() => Promise<string>) | undefined)?]): Promise<number> {
  const page = pageAt(0, ...args);
  await page.start();
  return page.port;
}

function get(
  port: number,
  path: string,
  host = `127.0.0.1:${port}`,
  method = 'GET',
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    sent.on('error', reject).end();
  });
}

describe('HealthPage', () => {
  it('tells the health: 503 only when a part does not do its work', async () => {
    const port = await started();
    expect(await get(port, '/healthz')).toEqual({ status: 200, text: '{"status":"ok","conditions":[]}\n' });
    health.set('zone', 'warning', 'slow');
    expect((await get(port, '/healthz')).status).toBe(200);
    health.set('zone', 'error', 'gone', 'look');
    const { status, text } = await get(port, '/healthz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toEqual({
      status: 'error',
      conditions: [{ name: 'zone', severity: 'error', message: 'gone', remedy: 'look', since: 1000 }],
    });
    health.clear('zone');
  });

  it('has metrics and the status, and nothing else', async () => {
    const port = await started();
    expect(await get(port, '/metrics')).toEqual({ status: 200, text: 'tested_total 1\n' });
    expect(await get(port, '/status')).toEqual({ status: 200, text: '{"boxId":"abc"}\n' });
    expect((await get(port, '/')).status).toBe(404);
    expect((await get(port, '/status', 'localhost', 'POST')).status).toBe(404);
  });

  it('says nothing to a page that came here by another name', async () => {
    const port = await started();
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example:80',
    ])
      expect(await get(port, '/status', host)).toEqual({
        status: 421,
        text: '{"code":"misdirected-request","message":"ask for this by 127.0.0.1 or localhost"}\n',
      });
  });

  it('answers 500 when the metrics fail, and goes on', async () => {
    const port = await started(() => Promise.reject(new Error('no metrics')));
    expect(await get(port, '/metrics')).toEqual({
      status: 500,
      text: '{"code":"unexpected","message":"no metrics"}\n',
    });
    expect((await get(port, '/healthz')).status).toBe(200);
  });

  it('names the port and the setting when the port is in use', async () => {
    const port = await started();
    await expect(pageAt(port).start()).rejects.toMatchObject({
      code: 'port-in-use',
      details: { port, setting: 'health.port' },
    });
  });
});
