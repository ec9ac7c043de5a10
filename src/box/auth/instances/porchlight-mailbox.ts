import { HttpClient } from '../../../kit/http/http-client.ts';
import { mailboxPaths } from '../../../protocol/mailbox-api.ts';
import type { MailboxMessage, Mailbox } from './mailbox.ts';

/** The mailbox of the cloud, to which the box proves itself with its identity. */
export class PorchlightMailbox implements Mailbox {
  readonly name = 'porchlight';
  readonly uidPattern = /^[\w-]{43}$/;
  readonly forgets = true;
  readonly #http: HttpClient;

  constructor(options: {
    origin: string;
    identity: { certPem: string; keyPem: string };
    caPem?: string | undefined;
  }) {
    const { origin, identity, caPem } = options;
    this.#http = new HttpClient({ origin, key: identity.keyPem, cert: identity.certPem, ca: caPem });
  }

  async put({ uid, name, value, seconds }: MailboxMessage, signal: AbortSignal): Promise<void> {
    const body = { value, expires_in: seconds, once: true };
    await this.#http.request({ method: 'PUT', path: mailboxPaths.toInstance(uid, name), body, signal });
  }

  async remove({ uid, name }: Pick<MailboxMessage, 'uid' | 'name'>, signal: AbortSignal): Promise<void> {
    await this.#http.request({ method: 'DELETE', path: mailboxPaths.toInstance(uid, name), signal });
  }

  async clear(): Promise<void> {
    /* It forgets by itself. */
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}
