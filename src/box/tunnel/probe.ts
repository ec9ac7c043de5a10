import { request } from 'node:https';
import { addressFamily } from '../../protocol/addresses.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type OwnProbe, probePath } from './own-probe.ts';

export interface ProbeOptions {
  own: OwnProbe;
  /** The relay to go through: its address and the port visitors use. */
  address: string;
  port: number;
  tunnelName: string;
  /** PEM to trust; the system's roots when absent. */
  ca: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

const maxAnswerBytes = 1024;

/**
 * Fetches the box's own page as a visitor from outside does: a new connection to the relay, the tunnel's name in the
 * TLS handshake, the certificate verified. Throws a `Problem` that says what was in the way.
 */
export async function probe(options: ProbeOptions): Promise<void> {
  const { own, address, port, tunnelName, timeoutMs } = options;
  const nonce = own.ask();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetchText(
      options,
      `${probePath}?nonce=${nonce}`,
      AbortSignal.any([timeout, options.signal]),
    );
    if (!own.isOwn(nonce, answer))
      throw new Problem('probe-answer', `somebody else answers as ${tunnelName}`);
  } catch (error) {
    if (error instanceof Problem || options.signal.aborted) throw error;
    const why = timeout.aborted
      ? `no answer within ${timeoutMs} ms`
      : (reasons[codeOf(error)] ?? messageOf(error));
    throw new Problem(
      'probe-failed',
      `through ${addressFamily(address) === 6 ? `[${address}]` : address}:${port}: ${why}`,
      { cause: error },
    );
  } finally {
    own.close(nonce);
  }
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'the relay does not listen',
  ECONNRESET: 'the connection was cut',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the relay does not know the box',
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: 'the relay has more visitors for the box than it allows',
};

function fetchText(options: ProbeOptions, path: string, signal: AbortSignal): Promise<string> {
  const { address, port, tunnelName, ca } = options;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: address,
        port,
        path,
        // A connection of its own each time: what is to be proven is that a new visitor gets through.
        agent: false,
        servername: tunnelName,
        headers: { host: port === 443 ? tunnelName : `${tunnelName}:${port}` },
        ...(ca === undefined ? {} : { ca }),
        signal,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.length > maxAnswerBytes)
            response.destroy(new Problem('probe-answer', 'an answer that is too long'));
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200) resolve(text);
          else
            reject(
              new Problem('probe-answer', `status ${response.statusCode} instead of the box's own answer`),
            );
        });
      },
    );
    call.on('error', reject);
    call.end();
  });
}
