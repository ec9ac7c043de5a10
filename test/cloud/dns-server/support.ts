import { createHash } from 'node:crypto';
import { Agent, request } from 'undici';
import { type TestCa, createTestCa } from '../../../src/cli/home/test-ca.ts';
import { DnsServer, type DnsServerOptions } from '../../../src/cloud/dns-server/dns-server.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { Health } from '../../../src/kit/health.ts';
import { silentLog } from '../../../src/kit/log.ts';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';

export const zoneRoot = 'box.example.org';
export const masterKey = Buffer.alloc(32, 3);

export interface TestIdentity {
  boxId: string;
  sha1: string;
  certPem: string;
  keyPem: string;
}

export async function createTestIdentity(): Promise<TestIdentity> {
  const keyPem = await rsaKeyPem(2048);
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

export async function serverOptions(
  stateFolder: string,
  ca: TestCa,
  overrides: Partial<DnsServerOptions> = {},
): Promise<DnsServerOptions> {
  return {
    zoneRoot,
    nameServers: [
      { name: `ns1.${zoneRoot}`, addresses: ['127.0.0.1', '::1'] },
      { name: 'ns2.example.net', addresses: [] },
    ],
    dns: { hosts: ['127.0.0.1', '::1'], port: 0 },
    api: { host: '127.0.0.1', port: 0 },
    apiTls: await ca.issue(['localhost', '127.0.0.1']),
    stateFolder,
    masterKey,
    frontends: [{ address: 'frontend.example.org:443' }],
    frontendAddresses: ['203.0.113.7', '2001:db8::7'],
    frontendPublicPort: 443,
    caaIssuers: ['letsencrypt.org'],
    acceptSha1Zones: true,
    log: silentLog,
    clock: systemClock,
    random: Math.random,
    health: new Health(systemClock),
    ...overrides,
  };
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
  ca: TestCa;
  identity: TestIdentity;
  api: ApiCaller;
  stop(): Promise<void>;
}

/** A server with one box that may speak to it. */
export async function startServer(
  stateFolder: string,
  overrides: Partial<DnsServerOptions> = {},
): Promise<Running> {
  const ca = await createTestCa();
  const [options, identity] = await Promise.all([
    serverOptions(stateFolder, ca, overrides),
    createTestIdentity(),
  ]);
  const server = new DnsServer(options);
  await server.start(AbortSignal.timeout(10_000));
  const api = new ApiCaller(server.apiPort, ca.caPem, identity);
  return {
    server,
    ca,
    identity,
    api,
    stop: async () => {
      await api.close();
      await server.stop();
    },
  };
}
