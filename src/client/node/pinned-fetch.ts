import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, fetch } from 'undici';
import { Problem } from '../../kit/runtime/errors.ts';

export interface PinnedTarget {
  /** `.local` name and port of the box. */
  host: string;
  port: number;
  /** Where that name leads: asked by mDNS, not by the system's resolver, which may not know how. */
  addresses: readonly string[];
  /** SHA-256 of the certificate that must be presented, lower-case hex. */
  fingerprint: string;
}

/**
 * A `fetch` for one box by its `.local` name, trusted for its identity alone: no CA has a say. Nothing is sent before the
 * certificate has been compared. A request to a box with another identity throws `identity-changed`.
 */
export class PinnedBox {
  readonly #target: PinnedTarget;
  #agent: Agent | undefined;

  constructor(target: PinnedTarget) {
    this.#target = target;
  }

  get origin(): string {
    const { host, port } = this.#target;
    return `https://${host}${port === 443 ? '' : `:${port}`}`;
  }

  /** For requests to `origin` that are more than a `fetch`: streams as they come, a change of protocol. */
  get dispatcher(): Dispatcher {
    this.#agent ??= pinnedAgent(this.#target);
    return this.#agent;
  }

  /** As the platform's; `path` begins with `/`. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(path, this.origin);
    if (!path.startsWith('/') || url.origin !== this.origin)
      throw new Problem('bad-path', `${JSON.stringify(path.slice(0, 100))} is not a path of the box`, {
        status: 400,
      });
    try {
      const all = { ...init, dispatcher: this.dispatcher };
      return await fetch(url, all as Parameters<typeof fetch>[1]);
    } catch (error) {
      // undici wraps what its connector throws.
      if (error instanceof Error && error.cause instanceof Problem) throw error.cause;
      throw error;
    }
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.destroy();
  }
}

function pinnedAgent({ host, addresses, fingerprint }: PinnedTarget): Agent {
  const list = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const connect = buildConnector({
    // Not unverified: verified below, against the one certificate that is right.
    rejectUnauthorized: false,
    servername: host,
    timeout: 5000,
    // A resumed session presents no certificate to compare.
    maxCachedSessions: 0,
    lookup: (_host, options, done) => {
      const [first] = list;
      if (first === undefined) done(new Error(`no address of ${host} is known`), '', 0);
      else if (options.all === true) done(null, list);
      else done(null, first.address, first.family);
    },
  });
  return new Agent({
    connect: (options, done) =>
      connect(options, (error, socket) => {
        if (error !== null) return done(error, null);
        const presented = fingerprintOf(socket as TLSSocket);
        if (presented === fingerprint) return done(null, socket);
        socket.destroy();
        done(identityChanged(host, fingerprint, presented), null);
      }),
  });
}

function fingerprintOf(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? 'none' : createHash('sha256').update(certificate.raw).digest('hex');
}

/** Loud: whoever answers there is not who was there before. */
export function identityChanged(host: string, pinned: string, presented: string): Problem {
  return new Problem(
    'identity-changed',
    `${host} is NOT the box it was: its identity was ${pinned} and is now ${presented}. Somebody may be pretending to be your box, and nothing was sent to it. Only if you have reset the box yourself: porchlight find --forget ${host}`,
    { status: 502, retryable: false, details: { host, pinned, presented } },
  );
}
