import { equal, match, ok } from 'node:assert/strict';
import { createServer } from 'node:http';
import { duplexPair } from 'node:stream';
import type { TObject } from 'typebox';
import { Value } from 'typebox/value';
import { answerClientError, createHttpApp } from '../../src/kit/http/http-server.ts';
import { isSound } from '../../src/kit/http/http-strict.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import * as access from '../../src/protocol/access-api.ts';
import * as account from '../../src/protocol/account-api.ts';
import * as agent from '../../src/protocol/agent-api.ts';
import * as enrolment from '../../src/protocol/enrolment-api.ts';
import * as instance from '../../src/protocol/instance-api.ts';
import * as mailbox from '../../src/protocol/mailbox-api.ts';
import * as pairing from '../../src/protocol/pairing-api.ts';
import * as registration from '../../src/protocol/registration-api.ts';
import * as zone from '../../src/protocol/zone-api.ts';
import type { Target } from './fuzzing.ts';

const words = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'latin1'));

/** What was answered on the way: the whole of what a connection said until it was over. */
async function answersOf(server: ReturnType<typeof createServer>, input: Buffer): Promise<string> {
  const [ours, theirs] = duplexPair();
  server.emit('connection', theirs);
  let said = '';
  ours.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
  ours.on('error', () => undefined);
  const over = new Promise<void>((resolve) => {
    ours.once('close', resolve);
    ours.once('end', resolve);
  });
  ours.write(input);
  // A server takes the end of what is sent for a wish to be left alone: what can be answered is, before that.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  ours.end();
  await over;
  ours.destroy();
  theirs.destroy();
  return said;
}

/** Whatever comes instead of a request is answered, if at all, in HTTP; and what is passed on is of one host and one length. */
export function httpRequests(): Target {
  let faults: string[] = [];
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 4096 }, (request, response) => {
    if (!isSound(request, response)) return;
    const { headers, rawHeaders, url = '' } = request;
    const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    if (names.filter((name) => name === 'host').length > 1) faults.push('several hosts');
    if (headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined)
      faults.push('two lengths');
    if (/^https?:/i.test(url)) faults.push('a target that is no path');
    request.on('error', () => undefined);
    request.resume().on('end', () => response.end('taken'));
  });
  server.on('clientError', answerClientError);
  return {
    name: 'http-requests',
    seeds: words(
      'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n',
      'POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: b\r\n\r\n',
      'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n3;ext=1\r\nabc\r\n0\r\nx: y\r\n\r\n',
      'GET http://a.example/y HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
    ),
    words: words(
      '\r\n',
      '\n',
      ' ',
      ':',
      'Host: b\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 5\r\n',
      'HTTP/0.9',
      'HTTP/2.0',
      'xchunked',
      '\x0b',
      '\xa0',
      'Expect: 100-continue\r\n',
      'Upgrade: websocket\r\nConnection: upgrade\r\n',
    ),
    read: async (input) => {
      faults = [];
      const said = await answersOf(server, input);
      equal(faults.join(), '');
      if (said === '') return 'silence';
      match(said, /^HTTP\/1\.1 \d{3} /);
      const status = Number(said.slice(9, 12));
      ok(status < 500 || status === 501 || status === 505, said.slice(0, 200));
      return `${said.slice(9, 10)}xx`;
    },
  };
}

/** Every body that we describe: what is right by its description, changed, is taken or refused in our words, never a 500. */
export function httpBodies(): Target {
  const modules = [access, account, agent, enrolment, instance, mailbox, pairing, registration, zone];
  const schemas = modules
    .flatMap((module) => Object.entries(module))
    .filter((entry): entry is [string, TObject] => isObject(entry[1]));
  const app = createHttpApp({ log: silentLog, bodyLimit: 4096 });
  for (const [name, body] of schemas) app.post(`/${name}`, { schema: { body } }, async () => ({}));
  const seeds = schemas.flatMap(([name, schema]) => {
    try {
      return [Buffer.from(`${name}\n${JSON.stringify(Value.Create(schema))}`)];
    } catch {
      // A pattern, of which no value can be made up.
      return [
        Buffer.from(
          `${name}\n${JSON.stringify(Object.fromEntries(Object.keys(schema.properties).map((key) => [key, ''])))}`,
        ),
      ];
    }
  });
  return {
    name: 'http-bodies',
    seeds,
    words: words(
      '{',
      '}',
      '[',
      '"',
      ',',
      'null',
      'true',
      '1e999',
      '-0',
      '"__proto__":{}',
      '\\ud800',
      '\\u0000',
      '\xff',
      '['.repeat(500),
      '"a":',
    ),
    read: async (input) => {
      const at = input.indexOf('\n');
      const url = `/${encodeURIComponent(input.toString('latin1', 0, at === -1 ? input.length : at))}`;
      const payload = at === -1 ? Buffer.alloc(0) : input.subarray(at + 1);
      const answer = await app.inject({
        method: 'POST',
        url,
        payload,
        headers: { 'content-type': 'application/json' },
      });
      ok(answer.statusCode < 500, `${url} ${answer.statusCode} ${answer.body}`);
      if (answer.statusCode >= 400) ok(typeof answer.json<{ code: unknown }>().code === 'string', 'no code');
      return `${Math.floor(answer.statusCode / 100)}xx`;
    },
  };
}

const isObject = (value: unknown): value is TObject =>
  typeof value === 'object' && value !== null && (value as { type?: string }).type === 'object';
