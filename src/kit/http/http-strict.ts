import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Duplex } from 'node:stream';
import { Problem } from '../runtime/errors.ts';
import { lowerAscii } from './http-text.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import { refusal } from './refusal.ts';

/*
 * What RFC 9112 demands of a server and Node's parser lets pass. Between us and a service, or us and a relay, any doubt about
 * whom a request is for or where it ends is a way past the choice by host name (11.2).
 */

type Request = IncomingMessage | Http2ServerRequest;

const unclear = (message: string, status = 400): Problem => new Problem('bad-request', message, { status });

/** A host as `Host` may have it, with a port or without (RFC 3986, 3.2.2): a name, an IPv4 address, an IPv6 one in brackets. */
const hostPattern = /^(?:[\w!$&'()*+,;=~.%-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

/**
 * What is wrong with the head of a request, or `undefined`. For HTTP/2, `request.headers.host` is to be the authority.
 */
export function faultOf(request: Request): Problem | undefined {
  const { httpVersionMajor: major, httpVersionMinor: minor, headers } = request;
  // HTTP/0.9 has no head and no status; nobody has spoken it for thirty years.
  if (major < 1) return unclear('this is HTTP/0.9; speak HTTP/1.1 or later', 505);
  if (major === 1) {
    const coding = headers['transfer-encoding'];
    if (coding !== undefined) {
      // RFC 9112, 6.1: a server that does not know a coding says 501; in HTTP/1.0, there is none.
      if (minor === 0) return unclear('HTTP/1.0 has no transfer codings; send the length');
      if (lowerAscii(coding) !== 'chunked') {
        const message = 'of the transfer codings, only chunked is taken here';
        return new Problem('not-supported', message, { status: 501 });
      }
    }
    // RFC 9112, 3.2: more than one, or one that is no host, is 400. Node keeps the first and says nothing.
    const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && isHost(name));
    if (hosts.length > 1) return unclear('there are several Host lines; send one');
    if (hosts.length === 0 && minor > 0) return unclear('there is no Host line');
  }
  const { host } = headers;
  if (host !== undefined && host !== '' && !hostPattern.test(host))
    return unclear('what Host names is no host');
  return absolute(request);
}

const isHost = (name: string): boolean => name.length === 4 && lowerAscii(name) === 'host';

function absolute({ url, headers }: Request): Problem | undefined {
  const authority = absoluteForm.exec(url ?? '')?.[1];
  if (authority === undefined || lowerAscii(authority) === lowerAscii(headers.host ?? '')) return undefined;
  return unclear('the target and Host name different hosts');
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/** The target of a request as a path: of the absolute form (RFC 9112, 3.2.2), what follows the host. */
export function pathOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  const path = url.replace(absoluteForm, '');
  return path === url || path.startsWith('/') ? path : `/${path}`;
}

type Answering = Pick<ServerResponse, 'writeHead'>;

/**
 * Whether a request may go on, its target made a path. A faulty one is answered here, and its connection ends: where the next
 * request begins is not certain.
 */
export function isSound(request: Request, response: Answering): boolean {
  const fault = faultOf(request);
  if (fault === undefined) {
    request.url = pathOf(request);
    return true;
  }
  const { status, headers, body } = refusal(fault, { accept: request.headers.accept });
  const end = request.httpVersionMajor > 1 ? {} : { connection: 'close' };
  response.writeHead(status, { ...headers, ...end }).end(body);
  return false;
}

/** The same for a request to change the protocol. */
export function isSoundUpgrade(request: IncomingMessage, stream: Duplex): boolean {
  const fault = faultOf(request);
  if (fault === undefined) {
    request.url = pathOf(request);
    return true;
  }
  refuseUpgrade(stream, fault.status);
  return false;
}
