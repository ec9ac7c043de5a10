import type { IncomingHttpHeaders } from 'node:http';
import { type Headers, responseHeaders as endToEnd } from '../../box/web/forwarding.ts';

/* What is said differently on the two sides of the door. Origins are as RFC 6454, 6.2 has them. */

export interface Sides {
  /** Of the box's pages in the browser: `http://NAME.localhost:PORT`. */
  door: string;
  /** The box's own, by its `.local` name. */
  box: string;
}

/**
 * The box's cookies have this before their names in the browser: `__Host-` is for HTTPS alone, and the door's own cookie is
 * none of the box's.
 */
const cookiePrefix = 'box.';

/** A browser's headers as the box gets them: as from a page of its own if it is one, and from elsewhere if it is not. */
export function headersToBox(headers: IncomingHttpHeaders, { door, box }: Sides): Headers {
  const { expect: _, cookie, origin, referer, ...others } = headers;
  const kept = (cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(cookiePrefix))
    .map((pair) => pair.slice(cookiePrefix.length));
  return {
    ...endToEnd(others),
    host: new URL(box).host,
    ...(kept.length === 0 ? {} : { cookie: kept.join('; ') }),
    ...(origin === undefined ? {} : { origin: origin === door ? box : origin }),
    ...(referer?.startsWith(`${door}/`) === true ? { referer: box + referer.slice(door.length) } : {}),
  };
}

/** The box's headers as the browser gets them. */
export function headersToBrowser(headers: IncomingHttpHeaders, { door, box }: Sides): Headers {
  const { location, 'set-cookie': cookies, ...others } = endToEnd(headers);
  const back = (url: string): string =>
    url === box || url.startsWith(`${box}/`) ? door + url.slice(box.length) : url;
  return {
    ...others,
    ...(location === undefined ? {} : { location: back(String(location)) }),
    ...(cookies === undefined ? {} : { 'set-cookie': [cookies].flat().map(cookieToBrowser) }),
  };
}

function cookieToBrowser(cookie: string): string {
  const [pair, ...attributes] = cookie.split(';');
  const kept = attributes.filter((attribute) => !/^\s*(secure\s*$|domain\s*(=|$))/i.test(attribute));
  return [`${cookiePrefix}${pair?.trim()}`, ...kept].join(';');
}
