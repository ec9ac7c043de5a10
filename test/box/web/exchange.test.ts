import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { type PublishedBox, publishedBox } from '../../support/published-box.ts';

/**
 * A service that does what the test says, byte by byte: for faults and for what Node's own server does not do. A request is
 * what has come when its head is complete.
 */
let act: (socket: Socket, head: string, nth: number) => void;
/** First lines of all requests, in the order they came, with the number of their connection. */
let asked: string[] = [];
let connections = 0;

const raw = createServer((socket) => {
  connections += 1;
  const connection = connections;
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end + 4);
      text = text.slice(end + 4);
      if (!/^[A-Z]+ \S+ HTTP/.test(head)) return;
      asked.push(`${connection} ${head.slice(0, head.indexOf(' HTTP'))}`);
      act(socket, head, asked.length);
    }
  });
});

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

const at = (server: Pick<Server, 'address'>): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

let box: PublishedBox;
let echo: Server;

beforeAll(async () => {
  echo = createHttpServer({ maxHeaderSize: 100_000 }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () =>
      response.end(JSON.stringify({ ...request.headers, body, trailers: request.trailers })),
    );
  });
  raw.listen(0, '127.0.0.1');
  echo.listen(0, '127.0.0.1');
  await Promise.all([once(raw, 'listening'), once(echo, 'listening')]);
  box = await publishedBox(temporaryFolder(), {
    services: { raw: at(raw), slow: at(raw), echo: at(echo), dead: 'http://127.0.0.1:1', own: at(echo) },
    serviceTimeouts: { slow: '1' },
    servicesWithVisitorHost: ['own'],
  });
});

beforeEach(() => {
  asked = [];
});

afterAll(async () => {
  await box.stop();
  echo.closeAllConnections();
  raw.close();
  echo.close();
});

const ask = (line: string, more: readonly string[] = [], body?: string, label = 'raw'): Promise<string> =>
  box.say(
    box.hostOf(label),
    [`${line} HTTP/1.1`, `host: ${box.hostOf(label)}`, 'connection: close', ...more],
    body,
  );

const request = (
  session: ClientHttp2Session,
  label: string,
  headers: Record<string, string> = {},
  endStream = true,
): ClientHttp2Stream => {
  const stream = session.request(
    { ':path': '/', ':authority': box.hostOf(label), ...headers },
    { endStream },
  );
  stream.on('error', () => undefined);
  return stream;
};

const statusOf = async (stream: ClientHttp2Stream): Promise<number> => {
  const [headers] = (await once(stream, 'response')) as [Record<string, number>];
  return headers[':status'] ?? 0;
};

const codeIn = (answer: string): unknown =>
  (JSON.parse(/\{.*\}$/s.exec(answer)?.[0] ?? '{}') as { code?: string }).code;

/** A service that ends every kept connection over its second request, without a byte. */
const closesKept = (socket: Socket, _head: string, nth: number): void => {
  if (nth === 2) socket.destroy();
  else socket.write(ok);
};

describe('a kept connection that the service closes', () => {
  it('is of no matter to who only reads', async () => {
    act = closesKept;
    await ask('GET /1');
    expect(await ask('GET /2')).toMatch(/^HTTP\/1.1 200 /);
    const lines = asked.map((line) => line.replace(/\d+ /, ''));
    expect(lines).toEqual(['GET /1', 'GET /2', 'GET /2']);
  });

  it('has nothing added to it by each request', async () => {
    act = (socket) => socket.write(ok);
    const warnings: unknown[] = [];
    const heard = (warning: unknown): unknown => warnings.push(warning);
    process.on('warning', heard);
    for (let nth = 0; nth < 30; nth += 1) await ask('GET /');
    process.off('warning', heard);
    expect(warnings).toEqual([]);
  });

  it.each(['POST', 'PATCH', 'DELETE', 'MOVE', 'MKCOL', 'LOCK', 'PUT'])('%s is done once', async (method) => {
    act = closesKept;
    await ask('GET /1');
    act = (socket) => socket.destroy();
    expect(await ask(`${method} /2`)).toMatch(/^HTTP\/1.1 502 /);
    const [first = '', second = '', ...more] = asked;
    expect([first.replace(/\d+ /, ''), second.replace(/\d+ /, ''), more]).toEqual([
      'GET /1',
      `${method} /2`,
      [],
    ]);
    expect(Number.parseInt(first, 10)).not.toBe(Number.parseInt(second, 10));
  });

  it('nothing is repeated once a byte of an answer has come', async () => {
    act = (socket, _head, nth) => (nth === 2 ? socket.end('HTTP/1.1 2') : socket.write(ok));
    await ask('GET /1');
    expect(await ask('GET /2')).toMatch(/^HTTP\/1.1 502 /);
    expect(asked).toHaveLength(2);
  });

  const leaves = {
    'HTTP/1.1': () => {
      const socket = box.open(box.hostOf('raw'));
      socket.write(`GET /2 HTTP/1.1\r\nhost: ${box.hostOf('raw')}\r\n\r\n`);
      return () => socket.destroy();
    },
    'HTTP/2': () => {
      const session = box.session(box.hostOf('raw'));
      const stream = request(session, 'raw', { ':path': '/2' });
      stream.once('close', () => session.destroy());
      return () => stream.close(8);
    },
  };
  it.each(Object.entries(leaves))(
    'nothing is repeated for who has left over %s',
    async (_protocol, begin) => {
      act = (socket, _head, nth) => nth === 1 && socket.write(ok);
      await ask('GET /1');
      const leave = begin();
      await expect.poll(() => asked.length).toBe(2);
      leave();
      await sleep(300);
      expect(asked).toHaveLength(2);
    },
  );
});

describe('a service that is slow', () => {
  it('took too long, and is not asked again', async () => {
    act = (socket, _head, nth) => nth === 1 && socket.write(ok);
    await ask('GET /1', [], undefined, 'slow');
    const answer = await ask('GET /2', [], undefined, 'slow');
    expect(answer).toMatch(/^HTTP\/1.1 504 /);
    expect(codeIn(answer)).toBe('service-too-slow');
    expect(asked).toHaveLength(2);
    const session = box.session(box.hostOf('slow'));
    expect(await statusOf(request(session, 'slow'))).toBe(504);
    session.destroy();
  });

  it('a visitor who stops in the middle of a body is told that', async () => {
    const lines = [`POST / HTTP/1.1`, `host: ${box.hostOf('slow')}`, 'content-length: 10'];
    act = () => undefined;
    const socket = box.open(box.hostOf('slow'));
    socket.write(`${lines.join('\r\n')}\r\n\r\nhalf`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
  });

  it('may take its time once it has begun, and says meanwhile that it is at it', async () => {
    act = (socket) => {
      socket.write('HTTP/1.1 102 Processing\r\n\r\n');
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsl'), 700);
      setTimeout(() => socket.write('ow'), 2200);
    };
    expect(await ask('GET /', [], undefined, 'slow')).toMatch(/200 OK[^]*\r\n\r\nslow$/);
  });
});

describe('interim answers', () => {
  it('reach the visitor', async () => {
    act = (socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nconnection: x\r\nx: y\r\n\r\n${ok}`,
      );
    const answer = await ask('GET /');
    expect(answer).toMatch(
      /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1.1 200 OK/,
    );
    const session = box.session(box.hostOf('raw'));
    const stream = request(session, 'raw');
    const hints = once(stream, 'headers') as Promise<[Record<string, unknown>]>;
    expect(await statusOf(stream)).toBe(200);
    session.destroy();
    expect((await hints)[0]).toMatchObject({ ':status': 103, link: '</a.css>; rel=preload' });
  });

  it('are nothing for HTTP/1.0', async () => {
    act = (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n${ok}`);
    const answer = await box.say(box.hostOf('raw'), ['GET / HTTP/1.0', `host: ${box.hostOf('raw')}`]);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('“continue” is the service’s to say, and so is “no”', async () => {
    const expects = ['expect: 100-continue', 'content-length: 5'];
    act = (socket, head) => {
      expect(head).toMatch(/\r\nexpect: 100-continue\r\n/i);
      socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
    };
    const socket = box.open(box.hostOf('raw'));
    socket.write([`PUT / HTTP/1.1`, `host: ${box.hostOf('raw')}`, ...expects, '', ''].join('\r\n'));
    const [refused] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(refused.toString()).toMatch(/^HTTP\/1.1 413 /);

    act = (service) => {
      service.write('HTTP/1.1 100 Continue\r\n\r\n');
      service.once('data', (body: Buffer) =>
        service.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body.toString()}`),
      );
    };
    const other = box.open(box.hostOf('raw'));
    other.write([`PUT / HTTP/1.1`, `host: ${box.hostOf('raw')}`, ...expects, '', ''].join('\r\n'));
    expect(String((await once(other, 'data'))[0])).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    other.write('hello');
    expect(String((await once(other, 'data'))[0])).toMatch(/^HTTP\/1.1 200 OK[^]*hello$/);
    other.destroy();

    const session = box.session(box.hostOf('raw'));
    const stream = request(session, 'raw', { ':method': 'PUT', expect: '100-continue' }, false);
    await once(stream, 'continue');
    stream.write('hello');
    expect(await statusOf(stream)).toBe(200);
    session.destroy();
  });

  it('“continue” to the box’s own calls is the box’s to say', async () => {
    const lines = ['POST /echo HTTP/1.1', `host: ${box.zone}`, 'connection: close', 'expect: 100-continue'];
    const answer = await box.say(
      box.zone,
      [...lines, 'content-type: application/json', 'content-length: 2'],
      '{}',
    );
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  });
});

describe('an answer before the end of the body', () => {
  it('reaches the visitor whole, although the service closes and reads nothing more', async () => {
    act = (socket) => {
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large', () => socket.destroy());
    };
    for (let nth = 0; nth < 10; nth += 1) {
      const answer = new Promise<string>((resolve) => {
        const socket = box.open(box.hostOf('raw'));
        let heard = '';
        socket.on('data', (chunk: Buffer) => {
          heard += chunk.toString();
          if (heard.endsWith('too large')) resolve(heard);
        });
        socket.once('close', () => resolve(heard));
        const length = 8_000_000;
        socket.write(`PUT / HTTP/1.1\r\nhost: ${box.hostOf('raw')}\r\ncontent-length: ${length}\r\n\r\n`);
        socket.write(Buffer.alloc(length), () => socket.end());
      });
      expect(await answer).toMatch(/^HTTP\/1.1 413 [^]*too large$/);
    }
  });

  it('over HTTP/2 too', async () => {
    act = (socket) => {
      socket.pause();
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 9\r\n\r\ntoo large', () => socket.destroy());
    };
    const session = box.session(box.hostOf('raw'));
    const stream = request(session, 'raw', { ':method': 'PUT' }, false);
    let heard = '';
    stream.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    stream.end(Buffer.alloc(8_000_000));
    expect(await statusOf(stream)).toBe(413);
    await once(stream, 'end');
    session.destroy();
    expect(heard).toBe('too large');
  });
});

describe('trailers', () => {
  it('of an answer follow its content', async () => {
    act = (socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\nset-cookie: a=b\r\n\r\n',
      );
    const answer = await ask('GET /');
    expect(answer).toMatch(/\r\ntrailer: x-sum\r\n/i);
    expect(answer).toMatch(/0\r\nx-sum: 7\r\n\r\n$/i);
    const session = box.session(box.hostOf('raw'));
    const stream = request(session, 'raw');
    stream.resume();
    const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>];
    session.destroy();
    expect(trailers['x-sum']).toBe('7');
    expect(trailers['set-cookie']).toBeUndefined();
    act = (socket) => socket.write('HTTP/1.1 304 Not Modified\r\ntrailer: x-sum\r\n\r\n');
    expect(await ask('GET /')).toMatch(/^HTTP\/1.1 304 /);
  });

  it('of a request reach the service', async () => {
    const chunks = ['transfer-encoding: chunked', 'trailer: x-sum'];
    const answer = await ask(
      'POST /',
      chunks,
      '2\r\nok\r\n0\r\nx-sum: 7\r\nx-forwarded-for: 6.6.6.6\r\n\r\n',
      'echo',
    );
    expect(JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '{}')).toMatchObject({
      body: 'ok',
      trailers: { 'x-sum': '7' },
    });
    expect(answer).not.toContain('6.6.6.6');
  });
});

describe('heads of 60 kB', () => {
  const long = 'y'.repeat(60_000);
  it('pass both ways, over HTTP/1.1 and HTTP/2', async () => {
    expect((await ask('GET /', [`x: ${long}`], undefined, 'echo')).includes(long)).toBe(true);
    act = (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${long}\r\ncontent-length: 2\r\n\r\nok`);
    expect((await ask('GET /')).includes(long)).toBe(true);
    const session = box.session(box.hostOf('raw'));
    const [headers] = (await once(request(session, 'raw', { x: long }), 'response')) as [
      Record<string, string>,
    ];
    session.destroy();
    expect(headers['x'] === long).toBe(true);
  });

  it('of 70 kB do not, and it is said why', async () => {
    act = (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${long}${long}\r\n\r\n`);
    const answer = await ask('GET /');
    expect(answer).toMatch(/^HTTP\/1.1 502 [^]*larger than 64 kB/);
  });
});

describe('what is wrong with an answer is told as what it is', () => {
  it.each([
    ['is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'its answer is not HTTP'],
    ['is TLS', '\u0015\u0003\u0001\0\u0002\u0002\u0016', 'it speaks TLS there'],
    ['does not come', '', 'closed the connection before it had answered'],
    ['has an unknown status', 'HTTP/1.1 999 Odd\r\n\r\n', 'the status 999'],
    [
      'is packed as nobody asked for',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'a coding that nobody had asked for',
    ],
  ])('one that %s', async (_what, said, told) => {
    act = (socket) => socket.end(said, 'latin1');
    const answer = await ask('GET /');
    expect(answer).toMatch(/^HTTP\/1.1 502 /);
    expect(answer).toContain(told);
    expect(answer).not.toContain('is it running?');
  });

  it('nothing there: a page for browsers, JSON for programs', async () => {
    const page = await ask('GET /', ['accept: text/html,*/*;q=0.8'], undefined, 'dead');
    expect(page).toMatch(/^HTTP\/1.1 502 [^]*content-type: text\/html[^]*is it running\?/);
    const answer = await ask('GET /', [], undefined, 'dead');
    expect(answer).toMatch(/^HTTP\/1.1 502 [^]*is it running\?/);
    expect(codeIn(answer)).toBe('service-not-answering');
  });
});

describe('Host', () => {
  it('is the service’s own, and origins are translated both ways', async () => {
    const host = box.hostOf('raw');
    let head = '';
    act = (socket, text) => {
      head = text;
      const target = /\r\nhost: (\S+)/i.exec(text)?.[1];
      socket.write(
        `HTTP/1.1 302 Found\r\nlocation: http://${target}/sub/\r\nset-cookie: a=b; Domain=127.0.0.1\r\nset-cookie: c=d\r\ncontent-length: 0\r\n\r\n`,
      );
    };
    const answer = await ask('GET /sub', [`origin: https://${host}`, `referer: https://${host}/x`]);
    const target = `127.0.0.1:${(raw.address() as AddressInfo).port}`;
    expect(head).toContain(`host: ${target}\r\n`);
    expect(head).toContain(`origin: http://${target}\r\n`);
    expect(head).toContain(`referer: http://${target}/x\r\n`);
    expect(head).toContain(`x-forwarded-host: ${host}\r\n`);
    expect(answer).toContain(`location: https://${host}/sub/\r\n`);
    expect(answer.match(/set-cookie: .*/g)).toEqual(['set-cookie: a=b', 'set-cookie: c=d']);
  });

  it('in refused upgrades too', async () => {
    const host = box.hostOf('raw');
    act = (socket, text) => {
      const target = /\r\nhost: (\S+)/i.exec(text)?.[1];
      socket.end(
        `HTTP/1.1 302 Found\r\nlocation: http://${target}/in\r\nset-cookie: a=b; Domain=x\r\ncontent-length: 0\r\n\r\n`,
      );
    };
    const upgrade = ['connection: upgrade', 'upgrade: websocket', `origin: https://${host}`];
    const answer = await box.say(host, ['GET /ws HTTP/1.1', `host: ${host}`, ...upgrade]);
    expect(answer).toContain(`location: https://${host}/in\r\n`);
    expect(answer).toContain('set-cookie: a=b\r\n');
  });

  it('is the visitor’s where the setting says so, and nothing is translated', async () => {
    const host = box.hostOf('own');
    const heard = JSON.parse(
      /\{.*\}/.exec(await ask('GET /', [`origin: https://${host}`], undefined, 'own'))?.[0] ?? '{}',
    ) as Record<string, string>;
    expect(heard).toMatchObject({ host, origin: `https://${host}`, 'x-forwarded-host': host });
  });
});
