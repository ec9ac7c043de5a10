/*
 * Text from the wire, byte by byte. Node gives it as one character for each byte (latin1), and JavaScript's `trim`, `\s` and
 * `toLowerCase` know more characters than protocols do: to them U+00A0 is a space, and a byte that a browser took for part
 * of a name is gone. Whoever reads what a peer wrote reads it with these; test/layout.test.ts keeps it so.
 */

const isOws = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '\t';

/** Without optional whitespace around it (RFC 9110, 5.6.3): space and tab, nothing else. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text, start)) start += 1;
  while (end > start && isOws(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

/** The members of a list (RFC 9110, 5.6.1), without the empty ones. For lists whose members hold no quoted strings. */
export function splitList(text: string | undefined, separator: ',' | ';' = ','): string[] {
  return (text ?? '')
    .split(separator)
    .map(trimOws)
    .filter((member) => member !== '');
}

/** In lower case, A to Z only (RFC 9110, 5.1; RFC 4343). */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/**
 * Every value of a cookie in the order they came (RFC 6265, 4.2.1 and 5.4). Browsers put the name of a cookie down byte for
 * byte, so a name is compared byte for byte: what begins with another byte is another cookie.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  return splitList(header, ';')
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/**
 * The host that `Host`, `:authority` or the server name of TLS names: in lower case, without port, and without the dot at the
 * end that makes a name absolute (RFC 1034, 3.1) and the host no other one.
 */
export function hostName(authority: string): string {
  return lowerAscii(authority).replace(/:\d*$/, '').replace(/\.$/, '');
}

/** The same with its port, but for the one that is understood (RFC 9110, 4.2.3). */
export function normalAuthority(authority: string, understood: 80 | 443 = 443): string {
  const port = /:(\d+)$/.exec(authority)?.[1];
  return hostName(authority) + (port === undefined || Number(port) === understood ? '' : `:${Number(port)}`);
}
