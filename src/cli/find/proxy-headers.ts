import type { IncomingHttpHeaders } from 'node:http';
import { type Headers, responseHeaders as endToEnd } from '../../box/web/forwarding.ts';
import { Translation, withoutAttributes } from '../../box/web/translation.ts';
import { splitList, trimOws } from '../../kit/http/http-text.ts';

/* What is said differently on the two sides of the door. Origins are as RFC 6454, 6.2 has them. */

export interface Sides {
  /** Of the box's pages in the browser: `http://NAME.localhost:PORT`. */
  proxy: string;
  /** The box's own, by its `.local` name. */
  box: string;
}

/**
 * The box's cookies have this before their names in the browser: `__Host-` is for HTTPS alone, and the door's own cookie is
 * none of the box's.
 */
const cookiePrefix = 'box.';

/** A browser's headers as the box gets them: as from a page of its own if it is one, and from elsewhere if it is not. */
export function headersToBox(headers: IncomingHttpHeaders, { proxy, box }: Sides): Headers {
  const { expect: _, cookie, ...others } = headers;
  const kept = splitList(cookie, ';')
    .filter((pair) => pair.startsWith(cookiePrefix))
    .map((pair) => pair.slice(cookiePrefix.length));
  const { referer, ...translated } = new Translation({ outside: proxy, inside: box }).request(
    endToEnd(others),
  );
  return {
    ...translated,
    host: new URL(box).host,
    ...(kept.length === 0 ? {} : { cookie: kept.join('; ') }),
    // The box is not told what else is open in the browser.
    ...(String(referer).startsWith(`${box}/`) ? { referer } : {}),
  };
}

/** The box's headers as the browser gets them. */
export function headersToBrowser(headers: IncomingHttpHeaders, { proxy, box }: Sides): Headers {
  const { 'set-cookie': cookies, ...others } = endToEnd(headers);
  return {
    ...new Translation({ outside: proxy, inside: box }).answer(others),
    ...(cookies === undefined ? {} : { 'set-cookie': [cookies].flat().map(cookieToBrowser) }),
  };
}

const cookieToBrowser = (cookie: string): string =>
  cookiePrefix + trimOws(withoutAttributes(cookie, ['secure', 'domain']));
