import { createHash } from 'node:crypto';
import { Agent, request } from 'undici';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { DnsServer, type DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509/x509.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';
import { baseOptions } from './options.ts';

export interface TestIdentity {
  boxId: string;
  sha1: string;
  certPem: string;
  keyPem: string;
}

// Keys take long to make. Certificates differ by their serial number, and that is all an identity needs.
const sharedKey = rsaKeyPem(2048);
const sharedCa = createTestCa().then(async (ca) => ({
  caPem: ca.caPem,
  tls: await ca.issue(['localhost', '127.0.0.1']),
}));

export async function createTestIdentity(): Promise<TestIdentity> {
  const keyPem = await sharedKey;
  const certPem = signCertificate({
    commonName: 'test box',
    notBefore: new Date(0),
    notAfter: new Date('9999-12-31T23:59:59Z'),
    subjectKeyPem: keyPem,
  });
  const der = Buffer.from(certPem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  return {
    keyPem,
    certPem,
    boxId: boxIdFromDigest(createHash('sha256').update(der).digest()),
    sha1: createHash('sha1').update(der).digest('hex'),
  };
}

/** Options whose `apiTls` is of a CA that all servers of one test file share: `caPem`. */
export async function serverOptions(
  stateFolder: string,
  overrides: Partial<DnsServerOptions> = {},
): Promise<DnsServerOptions & { caPem: string }> {
  const { caPem, tls } = await sharedCa;
  return { ...baseOptions({ stateFolder, apiTls: tls, ...overrides }), caPem };
}

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  headers: Record<string, string | string[] | undefined>;
}

/** Speaks to the API as one box (or as nobody). */
export class ApiCaller {
  readonly #agent: Agent;
  readonly #origin: string;

  constructor(port: number, caPem: string, identity?: { keyPem: string; certPem: string }) {
    this.#origin = `https://127.0.0.1:${port}`;
    const client = identity === undefined ? {} : { key: identity.keyPem, cert: identity.certPem };
    this.#agent = new Agent({ connect: { ca: caPem, ...client } });
  }

  async call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Reply> {
    return this.raw(
      method,
      path,
      body === undefined ? null : JSON.stringify(body),
      body === undefined ? {} : undefined,
    );
  }

  async raw(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body: string | null,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Promise<Reply> {
    const response = await request(this.#origin + path, { method, body, headers, dispatcher: this.#agent });
    const text = await response.body.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.statusCode, body: parsed, headers: response.headers };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

export interface Running {
  server: DnsServer;
  caPem: string;
  identity: TestIdentity;
  api: ApiCaller;
  stop(): Promise<void>;
}

/** A server with one box that may speak to it. */
export async function startServer(
  stateFolder: string,
  overrides: Partial<DnsServerOptions> = {},
): Promise<Running> {
  const [options, identity] = await Promise.all([
    serverOptions(stateFolder, overrides),
    createTestIdentity(),
  ]);
  const { caPem } = options;
  const server = new DnsServer(options);
  await server.start(AbortSignal.timeout(10_000));
  const api = new ApiCaller(server.apiPort, caPem, identity);
  return {
    server,
    caPem,
    identity,
    api,
    stop: async () => {
      await api.close();
      await server.stop();
    },
  };
}
