import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { lowerAscii, splitList } from '../../kit/http/http-text.ts';

/* What a reverse proxy passes on and what it does not (RFC 9110, 7.6). */

export type Headers = Record<string, string | string[] | undefined>;

/** Said to the next hop alone, not to the service behind it. */
const hopByHop = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Headers by which a service learns who asked, and that must therefore come from us alone. With `_` for `-` too: gateways
 * (CGI, WSGI) make no difference between the two.
 */
const forgeable = /^(forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip)$/;

/**
 * What a message is read by cannot come after its content (RFC 9110, 6.5.1): framing, routing, request modifiers,
 * authentication, cookies, and what a proxy has looked at in the head.
 */
const notInTrailers =
  /^(content-.*|host|trailer|expect|range|if-.*|cookie|set-cookie|authorization|www-authenticate|location|refresh|link|cache-control|vary|age|expires)$/;

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

/**
 * Asks for the same state of things however often it is sent (RFC 9110, 9.2.1; RFC 4918, 9.1; RFC 3253, 3.6; RFC 5323, 2), so
 * that sending it once more changes nothing. DELETE and PUT may be repeated too (9.2.2), but what comes between two of them
 * would be lost; they go over a new connection, where there is nothing to repeat.
 */
export function isSafe(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'].includes(method);
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

/** Trailer fields as the next hop gets them. */
export function trailersOf(trailers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const entries = Object.entries(trailers).flatMap(([name, value]): [string, string][] =>
    typeof value !== 'string' || hopByHop.has(name) || forgeable.test(name) || notInTrailers.test(name)
      ? []
      : [[name, value]],
  );
  return Object.fromEntries(entries);
}

/** As they stand in a head of HTTP/1.1. */
export function headLines(headers: Headers): string {
  return Object.entries(headers)
    .flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`))
    .join('');
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
  return new Set(headers.connection === undefined ? [] : splitList(lowerAscii(headers.connection)));
}
