import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { createLog, type Log } from '../../../src/kit/log/log.ts';

const secret = 'S3CR3T-v4lue';
const formats = ['json', 'journal', 'terminal'] as const;

/** Everything that is written while `act` logs, in one format. */
function written(format: (typeof formats)[number], act: (log: Log) => void): string {
  const lines: string[] = [];
  act(createLog({ level: 'trace', format, write: (line) => lines.push(line) }));
  expect(lines).not.toEqual([]);
  return lines.join('');
}

const secretNames = [
  'password', 'Password', 'passphrase', 'secret', 'tunnelSecret', 'token', 'accessToken', 'refreshToken', 'access_token',
  'refresh_token', 'id-token', 'tokens', 'otp', 'setupCode', 'setup_code', 'recoveryCode', 'privateKey', 'privateKeyPem',
  'keyPem', 'key_pem', 'authorization', 'Authorization', 'Proxy-Authorization', 'cookie', 'set-cookie', 'client_secret',
  'code_verifier', 'hmac', 'hmacKey', 'credential', 'credentials',
]; // prettier-ignore

/** Ways in which a field can reach the log. */
const places: Record<string, (log: Log, fields: object) => void> = {
  'a field': (log, fields) => log.info(fields, 'm'),
  'deep in fields': (log, fields) => log.info({ a: { b: [{ c: { d: { e: fields } } }] } }, 'm'),
  'deeper than is logged': (log, fields) => {
    let deep: object = fields;
    for (let level = 0; level < 50; level++) deep = { deep };
    log.info(deep, 'm');
  },
  'a binding': (log, fields) => log.child(fields).info('m'),
  'deep in a binding': (log, fields) =>
    log
      .child({ a: [{ b: fields }] })
      .child({ part: 'x' })
      .info('m'),
  'an error': (log, fields) => log.info({ err: Object.assign(new Error('m'), fields) }, 'm'),
  'a bare error': (log, fields) => log.info(Object.assign(new Error('m'), fields)),
  "a problem's details": (log, fields) =>
    log.info({ err: new Problem('x', 'm', { details: { a: fields } }) }, 'm'),
  'a cause': (log, fields) =>
    log.info({ err: new Error('m', { cause: Object.assign(new Error('n'), fields) }) }, 'm'),
  'headers of a request': (log, fields) => log.info({ req: { headers: fields } }, 'm'),
  'JSON in the message': (log, fields) => log.info(`the answer was ${JSON.stringify(fields)}`),
  'JSON in the message of an error': (log, fields) =>
    log.info({ err: new Error(JSON.stringify({ a: fields })) }, 'm'),
};

describe('secrets', () => {
  it.each(Object.keys(places))('never reach the log, whatever their name: %s', (place) => {
    for (const format of formats)
      for (const name of secretNames) {
        const text = written(format, (log) => places[place]?.(log, { [name]: secret }));
        expect(text, `${name} in ${format}`).not.toContain(secret);
      }
  });

  it('may be numbers, bytes, lists and objects', () => {
    const values = [1_234_567, Buffer.from('1234567'), ['1234567'], { a: '1234567' }];
    for (const otp of values) {
      const text = written('json', (log) => log.child({ part: 'x' }).info({ otp, a: [{ otp }] }, 'm'));
      expect(text).not.toContain('1234567');
    }
  });

  it('are not only fields: private keys, bearer tokens and URLs in any text', () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`;
    const texts = [
      pem,
      pem.slice(0, 45),
      `authorization: Bearer ${secret}`,
      `Basic ${secret}=`,
      `https://x/?a=b&code=${secret}&state=1`,
      `https://x/?access_token=${secret}`,
    ];
    // What is cut out leaves a line that can be read.
    const line = written('json', (log) => log.info(`said "${pem.slice(0, 30)}${secret}" to us`));
    expect((JSON.parse(line) as { msg: string }).msg).toContain('" to us');
    for (const format of formats)
      for (const text of texts) {
        const logged = written(format, (log) => {
          log.info(text);
          log.info({ text, list: [text], url: new URL(`https://x/?token=${secret}`) }, 'm');
          log.error(new Error(text));
          log.child({ text }).info('m');
        });
        expect(logged).not.toContain(secret);
      }
  });

  it('leave what is no secret', () => {
    const fields = {
      code: 'port-in-use',
      tokenFile: '/etc/token',
      hasToken: true,
      secret: undefined,
      keys: 3,
      boxId: 'abc',
      note: 'Basic setup of a bearer',
    };
    const line = written('json', (log) =>
      log.info({ ...fields, err: new Problem('zone-not-yours', 'm') }, 'm'),
    );
    expect(JSON.parse(line)).toMatchObject({
      code: 'port-in-use',
      tokenFile: '/etc/token',
      hasToken: true,
      keys: 3,
      boxId: 'abc',
      note: 'Basic setup of a bearer',
      err: { name: 'Problem', code: 'zone-not-yours', message: 'm' },
    });
  });

  it('include `code` of a request, which is one of OAuth, but not of an error', () => {
    const request = {
      body: { code: secret },
      query: { code: secret },
      req: { query: { a: { code: secret } } },
    };
    const line = written('json', (log) =>
      log.info({ ...request, err: Object.assign(new Error('m'), { code: 'EIO' }) }, 'm'),
    );
    expect(line).not.toContain(secret);
    expect(JSON.parse(line)).toMatchObject({ err: { code: 'EIO' } });
  });
});

describe('what is logged', () => {
  it('holds errors with their causes and stacks, and survives cycles, bytes and odd objects', () => {
    const cycle: Record<string, unknown> = { name: 'c' };
    cycle['self'] = cycle;
    const fields = {
      err: new Error('outer', { cause: new Error('inner') }),
      cycle,
      bytes: new Uint8Array(32),
      big: 2n ** 70n,
      date: new Date(0),
      map: new Map([['a', 1]]),
      call: () => 1,
      none: null,
    };
    const line = JSON.parse(written('json', (log) => log.info(fields, 'm'))) as Record<
      string,
      { stack?: string }
    >;
    expect(line).toMatchObject({
      err: { name: 'Error', message: 'outer', cause: { message: 'inner' } },
      cycle: { name: 'c', self: '[…]' },
      bytes: '[32 bytes]',
      big: String(2n ** 70n),
      date: '1970-01-01T00:00:00.000Z',
      map: '[Map]',
      call: '[function]',
      none: null,
    });
    expect(line['err']?.stack).toContain('log.test.ts');
  });

  it('has the priority of journald in front, one line a message', () => {
    const text = written('journal', (log) => {
      log.fatal('f');
      log.error('e');
      log.warn('two\nlines');
      log.info('i');
      log.debug('d');
      log.trace('t');
    });
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['<2>', '<3>', '<4>', '<6>', '<7>', '<7>']);
    expect(JSON.parse(lines[2]?.slice(3) ?? '')).toMatchObject({ level: 40, msg: 'two\nlines' });
  });

  it('is one line for a person: time, part, sentence, and the stack of an error', () => {
    const text = written('terminal', (log) => log.child({ part: 'zone' }).info({ extra: 1 }, 'served'));
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} zone {8} served\n$/);
    expect(written('terminal', (log) => log.warn('look'))).toMatch(/^.{4}m[^]*look.{4}\n$/);
    expect(written('terminal', (log) => log.error(new Error('odd')))).toContain('log.test.ts');
  });

  it('is nothing below the level', () => {
    const lines: string[] = [];
    createLog({ level: 'warn', format: 'json', write: (line) => lines.push(line) }).info('m');
    expect(lines).toEqual([]);
  });
});
