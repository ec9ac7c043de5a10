import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { plainPageHeaders } from '../../../src/kit/http/plain-page.ts';
import { prefersHtml, refusal, refusalBytes } from '../../../src/kit/http/refusal.ts';
import { htmlFaults } from '../../support/html.ts';

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';
const problem = new Problem('not-found', 'there is no <page> “here” & now', {
  status: 404,
  details: { path: '/x' },
});

describe('who gets a page', () => {
  it.each([
    [browser, true],
    ['text/html', true],
    ['TEXT/HTML', true],
    ['text/*', true],
    ['application/json;q=0.5, text/html', true],
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['application/json, text/html', false],
    ['application/json, text/html;q=0.9', false],
    ['text/html;q=0', false],
    ['image/png', false],
    [';;;,', false],
  ])('%s', (accept, expected) => {
    expect(prefersHtml(accept)).toBe(expected);
  });
});

describe('a refusal', () => {
  it('is the problem itself for a program', () => {
    const { status, headers, body } = refusal(problem, { accept: '*/*' });
    expect(status).toBe(404);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept',
    });
    expect(JSON.parse(body)).toEqual({ code: 'not-found', message: problem.message, path: '/x' });
  });

  it('says when to come again, in both', () => {
    const slow = new Problem('rate-limited', 'too often', { status: 429, retryAfterSeconds: 1.2 });
    for (const accept of [undefined, browser])
      expect(refusal(slow, { accept }).headers['retry-after']).toBe('2');
    expect(refusal(slow, { accept: browser }).body).toContain('Try again in 2 seconds.');
  });

  it('writes nothing of the message as HTML, and names a way on only where there is one', () => {
    const page = refusal(problem, { accept: browser }).body;
    expect(page).toContain('There is no &lt;page&gt; “here” &amp; now.');
    expect(page).not.toContain('<a ');
    expect(refusal(problem, { accept: browser, home: '/' }).body).toContain('<a href="/">');
  });

  it.each([400, 401, 403, 404, 405, 408, 410, 413, 415, 421, 426, 429, 431, 500, 501, 502, 503, 504, 599])(
    '%i is a valid page with a title of its own',
    async (status) => {
      const page = refusal(new Problem('some-code', 'this is why', { status, retryAfterSeconds: 5 }), {
        accept: browser,
        home: '/',
      });
      expect(page.status).toBe(status);
      expect(await htmlFaults(page.body)).toEqual([]);
    },
  );

  it('brings its style with it, and the policy allows that style and nothing else', () => {
    const { body, headers } = refusal(problem, { accept: browser });
    const [, style = ''] = /<style>([^]*)<\/style>/.exec(body) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers).toMatchObject(plainPageHeaders);
    expect(headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
    expect(headers['content-security-policy']).not.toContain('script-src');
  });

  it('can be written to a connection that then ends', () => {
    const bytes = refusalBytes(
      refusal(new Problem('bad-request', 'é', { status: 400 }), { accept: undefined }),
    );
    const [head = '', body = ''] = bytes.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(head).toContain('connection: close');
  });
});
