import { request } from 'node:https';
import { duplexPair } from 'node:stream';
import { connect, type ConnectionOptions, createSecureContext, TLSSocket } from 'node:tls';

/** How a TLS server looks to a client that trusts `ca` (PEM), or the system's roots. */
interface Handshake {
  /** Why a browser would refuse the certificate, in OpenSSL's or Node's word; `undefined` when it would not. */
  refusal: string | undefined;
}

interface HandshakeOptions {
  servername: string;
  ca: string | undefined;
  signal: AbortSignal;
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
    return await handshake({ socket: ours }, options);
  } finally {
    server.destroy();
  }
}

/** A handshake with a server; throws what keeps it from being finished. */
export function handshake(
  where: Pick<ConnectionOptions, 'host' | 'port' | 'socket'>,
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
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      // A code, though Node's types promise an `Error`.
      resolve({ refusal: socket.authorized ? undefined : String(socket.authorizationError) });
      socket.destroy();
    });
  });
}

/** A refusal in words, where there are better ones than OpenSSL's and Node's. */
export function wordsFor(refusal: string): string {
  return refusals[refusal] ?? refusal;
}

const refusals: Record<string, string> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is the box’s own, signed by no CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its root is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its root is not trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for other names',
};

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
    call.on('error', () => resolve(undefined));
    call.end();
  });
}
