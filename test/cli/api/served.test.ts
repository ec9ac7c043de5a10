import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DnsServer } from '../../../src/cloud/dns-server/dns-server.ts';
import { routesOf } from '../../../src/cli/api/routes-of.ts';
import { serverOptions } from '../../cloud/dns-server/support.ts';
import { mailboxCaPem, startMailbox } from '../../cloud/mailbox/setup.ts';
import { type Answer, call, startServer, testCaPem } from '../../cloud/registration-server/setup.ts';
import { atEnd } from '../../support/at-end.ts';
import { BoxVisitor } from '../../support/box-visitor.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { lonelyBox } from '../../support/lonely-box.ts';

/** Asks for a path of a server. */
type Ask = (more?: {
  method?: string;
  headers?: Record<string, string>;
}) => Promise<Pick<Answer, 'status' | 'headers' | 'text'>>;

const path = '/openapi.json';
const askAt =
  (port: number, caPem: string): Ask =>
  (more = {}) =>
    call({ port, caPem }, { path, ...more });

const rate = { burst: 3, perSecond: 0.001 };

/** Real servers of each API, and with a caller who may ask three times. */
const start = {
  registration: async (limited: boolean): Promise<Ask> => {
    const limits = limited ? { pingsPerSource: rate } : {};
    const server = await startServer({ stateFolder: temporaryFolder(), limits });
    atEnd(() => server.stop());
    return askAt(server.port, testCaPem);
  },
  mailbox: async (limited: boolean): Promise<Ask> => {
    const { port } = await startMailbox(limited ? { rates: { instancesPerSource: rate } } : {});
    return askAt(port, mailboxCaPem);
  },
  zone: async (limited: boolean): Promise<Ask> => {
    const limits = limited ? { sourceBurst: 3, sourcePerSecond: 0.001 } : {};
    const options = await serverOptions(temporaryFolder(), { limits });
    const server = new DnsServer(options);
    await server.start(AbortSignal.timeout(30_000));
    atEnd(() => server.stop());
    return askAt(server.apiPort, options.caPem);
  },
  box: async (): Promise<Ask> => {
    const box = new BoxVisitor((await lonelyBox(temporaryFolder())).port);
    return ({ method = 'GET', headers = {} } = {}) => box.call(method, path, undefined, headers);
  },
};

const file = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../docs/api', `${name}.json`), 'utf8');

describe.each(Object.keys(start) as (keyof typeof start)[])('/openapi.json of %s', (name) => {
  let ask: Ask;
  beforeAll(async () => {
    ask = await start[name](false);
  });

  it('is the document of docs/api, for anybody and pages of any origin', async () => {
    const { status, headers, text } = await ask({ headers: { origin: 'https://elsewhere.example' } });
    expect(status).toBe(200);
    expect(text).toBe(file(name));
    expect(headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/) as string,
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
    });
  });

  it('is sent once to who has it, and zipped to who can read that', async () => {
    const { headers } = await ask();
    const again = await ask({ headers: { 'if-none-match': String(headers['etag']) } });
    expect(again).toMatchObject({ status: 304, text: '' });
    const zipped = await ask({ headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
  });

  it('is there to be read alone', async () => {
    expect(await ask({ method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, text } = await ask({ method });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(JSON.parse(text)).toMatchObject({
        code: expect.any(String) as string,
        message: expect.any(String) as string,
      });
    }
  });
});

it.each(['zone', 'registration', 'mailbox'] as const)(
  '/openapi.json of %s is limited as its calls are',
  async (name) => {
    const ask = await start[name](true);
    const statuses = [];
    for (let asked = 0; asked < 4; asked++) statuses.push((await ask()).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  },
);

it('/openapi.json of the box has the headers of its pages', async () => {
  const ask = await start.box();
  const { headers } = await ask();
  expect(headers).toMatchObject({
    'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
});

describe.each(['zone', 'registration', 'mailbox', 'box'] as const)('a running server of %s', (name) => {
  it('has the routes that are described, and no others', async () => {
    const applications = await routesOf(() => start[name](false));
    const { paths } = JSON.parse(file(name)) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const application = applications.find((routes) => routes.some((route) => route.path === path)) ?? [];
    const running = application
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')}`)
      .filter((route) => !/^(GET|POST) \/w\/$/.test(route));
    expect(new Set(running)).toEqual(new Set(described));
  });
});
