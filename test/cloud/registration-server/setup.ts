import { createHash, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import {
  RegistrationServer,
  type RegistrationServerOptions,
} from '../../../src/cloud/registration-server/registration-server.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509/x509.ts';
import { type BoxId, boxIdFromDigest, zoneName } from '../../../src/protocol/names.ts';
import type { Announcement } from '../../../src/protocol/registration-api.ts';

export const zoneRoot = 'box.example.org';

const ca = await createTestCa();
const serverTls = await ca.issue(['localhost', '127.0.0.1', 'registration.example.org']);
const boxKey = await rsaKeyPem(2048);

export interface TestBox {
  boxId: BoxId;
  key: string;
  cert: string;
  announcement: Announcement;
}

/** Boxes that differ in their certificates only: making a key takes long, and the box id is the certificate's hash. */
export function createBox(): TestBox {
  const cert = signCertificate({
    commonName: 'Porchlight box',
    notBefore: new Date(0),
    notAfter: new Date('9999-12-31T23:59:59Z'),
    subjectKeyPem: boxKey,
  });
  const boxId = boxIdFromDigest(createHash('sha256').update(new X509Certificate(cert).raw).digest());
  const zone = zoneName(boxId, zoneRoot);
  const announcement = {
    v: '1.0',
    name: 'Kitchen',
    claimed: true,
    local_origin: `https://${zone}:8443`,
    mirror_origins: [`https://a.${zone}:8443`, `https://b.${zone}:8443`],
    tunnel_origin: `https://remote.${zone}`,
  };
  return { boxId, key: boxKey, cert, announcement };
}

export async function startServer(
  options: Partial<RegistrationServerOptions> & { stateFolder: string },
): Promise<RegistrationServer> {
  const clock = options.clock ?? systemClock;
  const server = new RegistrationServer({
    host: '127.0.0.1',
    port: 0,
    tls: serverTls,
    zoneRoot,
    log: silentLog,
    clock,
    random: Math.random,
    health: new Health(clock),
    ...options,
  });
  await server.start(AbortSignal.timeout(10_000));
  return server;
}

export const testCaPem = ca.caPem;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  body: unknown;
}

export interface Call {
  method?: string;
  path: string;
  box?: TestBox | undefined;
  /** Sent as JSON, unless it is a text already. */
  body?: unknown;
  headers?: Record<string, string>;
  /** The loopback address to call from: each is another caller. */
  from?: string;
}

export interface Where {
  port: number;
  host?: string;
  caPem?: string;
}

/** One HTTPS call over a connection of its own. */
export function call(server: Where, options: Call): Promise<Answer> {
  const { method = 'GET', path, box, body, headers = {}, from } = options;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: server.host ?? '127.0.0.1',
        port: server.port,
        servername: 'localhost',
        ca: server.caPem ?? ca.caPem,
        agent: false,
        method,
        path,
        headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(box === undefined ? {} : { key: box.key, cert: box.cert }),
        ...(from === undefined ? {} : { localAddress: from }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          let parsed: unknown;
          try {
            parsed = JSON.parse(answer);
          } catch {
            parsed = undefined;
          }
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: answer,
            body: parsed,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

export function announce(
  server: { port: number },
  box: TestBox,
  options: Partial<Call> = {},
): Promise<Answer> {
  const body = { client: box.boxId, message: JSON.stringify(box.announcement) };
  return call(server, { method: 'POST', path: '/register', box, body, ...options });
}
