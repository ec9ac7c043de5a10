import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { MailboxServer, type MailboxServerOptions } from '../../../src/cloud/mailbox/mailbox.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { type MailboxKey, signInText, thumbprintText } from '../../../src/protocol/mailbox-api.ts';
import { atEnd } from '../../support/at-end.ts';
import { type Answer, call as callServer, type Call } from '../registration-server/setup.ts';

export { createBox, type TestBox } from '../registration-server/setup.ts';

const ca = await createTestCa();
export const serverTls = await ca.issue(['localhost', '127.0.0.1']);
export const mailboxCaPem = ca.caPem;

export async function startMailbox(options: Partial<MailboxServerOptions> = {}): Promise<MailboxServer> {
  const clock = options.clock ?? systemClock;
  const server = new MailboxServer({
    host: '127.0.0.1',
    port: 0,
    tls: serverTls,
    log: silentLog,
    clock,
    random: Math.random,
    health: new Health(clock),
    ...options,
  });
  await server.start();
  atEnd(() => server.stop());
  return server;
}

export function call(server: { port: number }, options: Call): Promise<Answer> {
  return callServer({ port: server.port, caPem: ca.caPem }, options);
}

/** An app instance that plays by the contract with Node's own means, not with the SDK's. */
export class TestInstance {
  readonly publicKey: MailboxKey;
  readonly uid: string;
  token = '';
  readonly #privateKey: KeyObject;
  readonly #server: { port: number };

  constructor(server: { port: number }) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.publicKey = publicKey.export({ format: 'jwk' }) as MailboxKey;
    this.uid = createHash('sha256').update(thumbprintText(this.publicKey)).digest('base64url');
    this.#privateKey = privateKey;
    this.#server = server;
  }

  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  async challenge(): Promise<string> {
    const { body } = await call(this.#server, { path: '/challenge' });
    return (body as { challenge: string }).challenge;
  }

  signatureOf(challenge: string, host = this.host): string {
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return sign('sha256', Buffer.from(signInText(host, challenge)), key).toString('base64url');
  }

  async signIn(
    changed: { publicKey?: MailboxKey; challenge?: string; signature?: string } = {},
  ): Promise<Answer> {
    const challenge = await this.challenge();
    const body = { publicKey: this.publicKey, challenge, signature: this.signatureOf(challenge), ...changed };
    const answer = await call(this.#server, { method: 'POST', path: '/sign-in', body });
    if (answer.status === 200) this.token = (answer.body as { token: string }).token;
    return answer;
  }

  read(boxId: string, name: string, query = '', uid = this.uid): Promise<Answer> {
    return call(this.#server, {
      path: `/mailboxes/${uid}/${boxId}/${name}${query}`,
      headers: { authorization: `Bearer ${this.token}` },
    });
  }
}
