import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';

/* What a reverse proxy passes on and what it does not (RFC 9110, 7.6). */

export type Headers = Record<string, string | string[] | undefined>;

/** Said to the next hop alone, not to the service behind it. */
const hopByHop = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Headers by which a service learns who asked, and that must therefore come from us alone. With `_` for `-` too: gateways
 * (CGI, WSGI) make no difference between the two.
 */
const forgeable = /^(forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip)$/;

/** How a request says that it has a body: with its length, in chunks, or not at all (RFC 9112, 6.3). */
export function bodyOf(request: IncomingMessage | Http2ServerRequest): 'none' | 'sized' | 'chunked' {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const ended =
    'stream' in request ? request.stream.endAfterHeaders : coding === undefined && !(Number(length) > 0);
  if (ended) return 'none';
  return length === undefined || namedByConnection(request.headers).has('content-length')
    ? 'chunked'
    : 'sized';
}

/** A visitor's headers as the service gets them, with who asked, and for which host. */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  visitor: { address: string; host: string | undefined },
): Headers {
  return {
    ...kept(headers, (name) => name !== 'host' && name !== 'expect' && !forgeable.test(name)),
    'x-forwarded-for': visitor.address,
    'x-forwarded-proto': 'https',
    ...(visitor.host === undefined ? {} : { 'x-forwarded-host': visitor.host }),
  };
}

/** A service's headers as the visitor gets them. */
export function responseHeaders(headers: IncomingHttpHeaders): Headers {
  return kept(headers, () => true);
}

function kept(headers: IncomingHttpHeaders, keep: (name: string) => boolean): Headers {
  const named = namedByConnection(headers);
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !name.startsWith(':') && !hopByHop.has(name) && !named.has(name) && keep(name),
    ),
  );
}

/** Names that `Connection` lists are for the next hop, too (RFC 9110, 7.6.1). */
function namedByConnection(headers: IncomingHttpHeaders): Set<string> {
  return new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
}
