import { decode, encode } from 'dns-packet';
import { connect, type AddressInfo } from 'node:net';
import { Type } from 'typebox';
import { decodeCardText } from '../../src/box/card/card-text.ts';
import { readCardSettings } from '../../src/box/card/card-settings.ts';
import { readProxyHeader } from '../../src/box/web/proxy-protocol.ts';
import { Answerer } from '../../src/cloud/dns-server/answer.ts';
import { ZoneView } from '../../src/cloud/dns-server/zone-view.ts';
import { readClientHello } from '../../src/cloud/frontend/client-hello.ts';
import { frameHead, FrameReader, FramingError, meaningOf } from '../../src/cloud/frontend/framing.ts';
import { kiteRequests, ownerOfKite, parseRequestHead } from '../../src/cloud/frontend/handshake.ts';
import { Problem } from '../../src/kit/errors.ts';
import { createHttpApp, httpLimits } from '../../src/kit/http-server.ts';
import { isSound } from '../../src/kit/http-strict.ts';
import { cookieValues } from '../../src/kit/http-text.ts';
import { silentLog } from '../../src/kit/log.ts';
import {
  digestIn,
  parseSignature,
  signatureBase,
  SignatureFault,
} from '../../src/protocol/http-signature.ts';
import { query } from '../cloud/dns-server/dns-client.ts';
import { captureClientHello } from '../cloud/frontend/hello.ts';
import { boxA, servedZones } from '../cloud/dns-server/sample-zones.ts';

/** Something that reads bytes of strangers. `run` throws for what must not be: a crash, or an answer that cannot be right. */
export interface Target {
  name: string;
  seeds: readonly Buffer[];
  run: (bytes: Buffer) => void | Promise<void>;
  close?: () => Promise<void>;
}

const text = (...lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'));

/** Errors of these kinds are answers. */
function refusing(
  action: () => unknown,
  ...kinds: readonly (abstract new (...args: never[]) => Error)[]
): void {
  try {
    action();
  } catch (error) {
    if (!kinds.some((kind) => error instanceof kind)) throw error;
  }
}

function must(right: boolean, what: string): void {
  if (!right) throw new Error(what);
}

function dns(): Target {
  const zoneRoot = 'box.test';
  const served = servedZones(zoneRoot, ['letsencrypt.org']);
  const nameServers = [{ name: `ns1.${zoneRoot}`, addresses: ['192.0.2.1'] }];
  const answerer = new Answerer({
    view: new ZoneView({ zoneRoot, nameServers, zone: (label) => served.get(label), serial: () => 7 }),
    onFailure: (error) => {
      throw error;
    },
  });
  const options = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    options: [{ code: 10, data: Buffer.alloc(8) }],
  };
  return {
    name: 'dns',
    seeds: [
      query(`${boxA}.${zoneRoot}`, 'A'),
      query(`remote.${boxA}.${zoneRoot}`, 'AAAA'),
      query(`192-168-1-20.${boxA}.${zoneRoot}`, 'A'),
      query(`_acme-challenge.${boxA}.${zoneRoot}`, 'TXT'),
      query(zoneRoot, 'SOA'),
      encode({
        type: 'query',
        questions: [{ name: `${boxA}.${zoneRoot}`, type: 'CAA' }],
        additionals: [options as never],
      }),
    ],
    run: (bytes) => {
      for (const transport of ['udp', 'tcp'] as const) {
        const answered = answerer.answer(bytes, transport);
        if (answered === undefined) continue;
        must(answered.response.readUInt16BE(0) === bytes.readUInt16BE(0), 'the id is another one');
        must((answered.response[2] ?? 0) >= 0x80, 'the answer is no response');
        must(transport === 'tcp' || answered.response.length <= 4096, 'the answer is too long for UDP');
        if (answered.rcode === 0) decode(answered.response);
      }
    },
  };
}

const frame = (headers: readonly (readonly [string, string | number])[], payload: string): Buffer =>
  Buffer.concat([frameHead(headers, payload.length), Buffer.from(payload)]);

/** What all of `parts` say, as far as they can be read; `false` at the end where they could not to the end. */
function framesIn(parts: readonly Buffer[]): string[] {
  const reader = new FrameReader();
  const seen: string[] = [];
  try {
    for (const part of parts)
      for (const found of reader.push(part)) seen.push(JSON.stringify(meaningOf(found)));
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
  }
  return seen;
}

const pagekiteFrames: Target = {
  name: 'pagekite frames',
  seeds: [
    frame([['SID', 1]], 'some bytes of a visitor'),
    frame([['NOOP', 1], ['PING', '12.5']], '!'), // prettier-ignore
    frame([['NOOP', 1], ['SID', 7], ['SKB', 512]], '!'), // prettier-ignore
    Buffer.concat([frame([['SID', 3], ['EOF', '1WR']], '!'), frame([['SID', 4]], 'x'.repeat(300))]), // prettier-ignore
  ],
  run: (bytes) => {
    // However the bytes arrive, they say the same, as far as they can be read at once.
    const half = bytes.length >> 1;
    const [whole, cut] = [framesIn([bytes]), framesIn([bytes.subarray(0, half), bytes.subarray(half)])];
    must(
      whole.every((said, index) => cut[index] === said),
      'cut elsewhere, the frames are others',
    );
  },
};

function pagekiteHandshake(): Target {
  const kite = `https:remote.${boxA}.box.test`;
  return {
    name: 'pagekite handshake',
    seeds: [
      text('CONNECT PageKite:1 HTTP/1.0', 'X-PageKite-Version: 1.5', `X-PageKite: ${kite}:salt::`),
      text(
        'CONNECT PageKite:1 HTTP/1.0',
        `X-PageKite: ${kite}:salt:token:${'a'.repeat(36)}`,
        'X-PageKite-Replace: 1f',
      ),
      text('GET / HTTP/1.1', 'Host: relay.example.org', 'Accept: text/html'),
    ],
    run: (bytes) => {
      const head = parseRequestHead(bytes.toString('latin1'));
      for (const { name } of (head && kiteRequests(head)) ?? []) {
        const owner = ownerOfKite(name, 'box.test');
        must(owner === undefined || /^[a-z2-7]{52}$/.test(owner), `${owner} is no box id`);
      }
    },
  };
}

async function clientHello(): Promise<Target> {
  return {
    name: 'client hello',
    seeds: [await captureClientHello(`remote.${boxA}.box.test`), await captureClientHello(undefined)],
    run: (bytes) => {
      const found = readClientHello(bytes);
      must(found.kind !== 'more' || found.need > bytes.length, 'it waits for bytes that are there');
      const name = found.kind === 'hello' ? (found.serverName ?? '') : '';
      must(name.length <= 255 && !/[A-Z\0]/.test(name), 'a server name that is none');
    },
  };
}

const cookies: Target = {
  name: 'cookies',
  seeds: [
    Buffer.from('__Host-porchlight=abc; theme=dark'),
    Buffer.from('a=1; __Host-porchlight=abc; __Host-porchlight=def', 'latin1'),
    Buffer.from('\u00A0__Host-porchlight=evil; __Host-porchlight=abc', 'latin1'),
    Buffer.from('a="x;y"; b=; =c; __Host-porchlight=abc'),
  ],
  run: (bytes) => {
    const header = bytes.toString('latin1');
    // A cookie is ours only with its very name, after the start, a semicolon, spaces and tabs, and nothing else.
    const own = [...header.matchAll(/(?:^|;)[ \t]*__Host-porchlight=/g)].length;
    must(cookieValues(header, '__Host-porchlight').length === own, 'another cookie counts as ours');
  },
};

const proxyLine: Target = {
  name: 'proxy line',
  seeds: [
    text('PROXY TCP4 203.0.113.9 127.0.0.1 51000 443', 'rest'),
    text('PROXY TCP6 2001:db8::1 ::1 51000 443', ''),
    text('PROXY UNKNOWN', ''),
  ],
  run: (bytes) => {
    const read = readProxyHeader(bytes);
    if (read.state !== 'complete') return;
    must(read.length <= Math.min(107, bytes.length), 'a header that is longer than there are bytes');
    must((read.visitor?.port ?? 0) <= 65_535, 'a port that is none');
  },
};

const card: Target = {
  name: 'card',
  seeds: [
    Buffer.from('[wifi]\nssid = "Our home"\npassword = "four quiet lamps"\ncountry = "DE"\n'),
    Buffer.from(
      '\ufeff[zone]\r\nroot = "box.example.org"\r\n[cloud]\r\nzone-api = "https://dns.example.org:5300"\r\n',
      'utf16le',
    ),
    Buffer.from(
      'name = "Attic"\ntimezone = "Europe/Berlin"\n[ssh]\nkeys = ["ssh-ed25519 AAAA x"]\n[acme]\ncontact = "a@b.example"\n',
    ),
  ],
  run: (bytes) => {
    const read = decodeCardText(bytes);
    if (typeof read === 'string') refusing(() => readCardSettings(read), Problem);
  },
};

const signed = {
  method: 'POST',
  authority: 'box.test',
  target: '/x?y',
  field: (name: string) => (name === 'content-digest' ? 'sha-256=:AAAA:' : undefined),
};

const httpSignature: Target = {
  name: 'http signature',
  seeds: [
    text(
      'sig1=("@method" "@path" "content-digest");created=1700000000;keyid="a";alg="hmac-sha256";nonce="n"',
      `sig1=:${Buffer.alloc(32).toString('base64')}:`,
    ),
    text('sig1=("@method" "@authority" "@query");created=1700000000;keyid="b"', 'sig1=:AAAA:'),
  ],
  run: (bytes) => {
    const [input = '', signature = ''] = bytes.toString('latin1').split('\r\n');
    refusing(() => {
      const parsed = parseSignature(input, signature);
      signatureBase(parsed.input, signed);
    }, SignatureFault);
    refusing(() => digestIn(signature), SignatureFault);
  },
};

/** A real server of ours, on loopback, with the checks and the schema that all have. */
async function http(): Promise<Target> {
  const app = createHttpApp({ log: silentLog, bodyLimit: 4096, requestTimeoutMs: 2000 });
  app.addHook('onRequest', async (request, reply) => {
    if (!isSound(request.raw, reply.raw)) reply.hijack();
  });
  const body = Type.Object({ client: Type.String({ maxLength: 64 }), message: Type.Optional(Type.String()) });
  app.post('/register', { schema: { body } }, async (request) => ({
    client: (request.body as { client: string }).client,
  }));
  app.get('/ping', async () => []);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    name: 'http',
    seeds: [
      text(
        'POST /register HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Content-Length: 32',
        'Connection: close',
        '',
        '{"client":"abc","message":"{}" }',
      ),
      text(
        'POST /register HTTP/1.1',
        'Host: localhost',
        'Transfer-Encoding: chunked',
        'Content-Type: application/json',
        '',
        '10',
        '{"client":"abc"}',
        '0',
        '',
        '',
      ),
      text('GET /ping?x=%41 HTTP/1.1', 'Host: localhost', 'Accept: text/html', 'Cookie: a=b', '', ''),
    ],
    run: async (bytes) => {
      const answer = await said(port, bytes);
      must(
        !/^HTTP\/1\.1 50[0-9]/.test(answer) || /^HTTP\/1\.1 50[15] /.test(answer),
        `it answers ${answer.slice(0, 40)}`,
      );
      must(answer === '' || answer.startsWith('HTTP/1.1 '), 'it answers what is no HTTP');
    },
    close: () => app.close(),
  };
}

function said(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port });
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.once('error', done).once('close', done);
    socket.end(bytes);
    setTimeout(done, httpLimits.stopGraceMs).unref();
  });
}

export async function targets(): Promise<Target[]> {
  return [
    dns(),
    pagekiteFrames,
    pagekiteHandshake(),
    await clientHello(),
    cookies,
    proxyLine,
    card,
    httpSignature,
    await http(),
  ];
}
