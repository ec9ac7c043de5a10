import type { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { duplexPair } from 'node:stream';
import { connect, type ConnectionOptions, createSecureContext, TLSSocket } from 'node:tls';

/** What a TLS server shows to a client that trusts `ca` (PEM), or the system's roots. */
export interface Handshake {
  certificate: X509Certificate | undefined;
  /** Why a browser would refuse it, in OpenSSL's or Node's word; `undefined` when it would not. */
  refusal: string | undefined;
}

interface HandshakeOptions {
  servername: string;
  ca: string | undefined;
  signal: AbortSignal;
}

/** A handshake with a server; throws what keeps it from being finished. */
export function handshake(
  where: { host: string; port: number },
  options: HandshakeOptions,
): Promise<Handshake> {
  return shakeHands(where, options);
}

/** A handshake with a server of our own in memory that has this pair: the whole path validation, and no network. */
export async function handshakeWithPair(
  pair: { chainPem: string; keyPem: string },
  options: HandshakeOptions,
): Promise<Handshake> {
  const [ours, theirs] = duplexPair();
  const secureContext = createSecureContext({ cert: pair.chainPem, key: pair.keyPem });
  const server = new TLSSocket(theirs, { isServer: true, secureContext });
  server.on('error', () => server.destroy());
  try {
    return await shakeHands({ socket: ours }, options);
  } finally {
    server.destroy();
  }
}

function shakeHands(
  where: ConnectionOptions,
  { servername, ca, signal }: HandshakeOptions,
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...where,
      servername,
      ...(ca === undefined ? {} : { ca }),
      // The refusal is the result; nothing is sent on this connection.
      rejectUnauthorized: false,
    });
    const abort = (): void => void socket.destroy(new Error('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const error: unknown = socket.authorizationError;
      resolve({
        certificate: socket.getPeerX509Certificate(),
        refusal: socket.authorized ? undefined : codeText(error),
      });
      socket.destroy();
    });
  });
}

/** Node has a string where its types have an `Error`. */
function codeText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The time (ms since the epoch, whole seconds) that a server puts into its answers; `undefined` when it does not answer.
 * Its certificate is not verified: a clock that is wrong makes every certificate look invalid, and the time is only compared.
 */
export function serverTime(url: string, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request(
      url,
      { method: 'HEAD', agent: false, rejectUnauthorized: false, signal },
      (answer) => {
        const time = Date.parse(answer.headers.date ?? '');
        resolve(Number.isNaN(time) ? undefined : time);
        answer.destroy();
      },
    );
    call.once('error', () => resolve(undefined));
    call.end();
  });
}
