import { Problem } from '../../kit/runtime/errors.ts';
import { escaped } from '../../kit/http/markup.ts';
import { plainPage } from '../../kit/http/plain-page.ts';
import { shortId } from '../../protocol/names.ts';
import type { Announcement, PingEntry } from '../../protocol/registration-api.ts';

/**
 * Where a page that may not ask sends the person: they see the boxes near them, and a click takes the one they choose back to
 * that page. No script, no form, in no frame: nothing but a person's click tells anybody anything.
 */
export function choosePage(entries: readonly PingEntry[], returnTo: URL, shared: boolean): string {
  const site = `<strong>${escaped(returnTo.host)}</strong>`;
  const rows = entries.flatMap((entry) => {
    const said = JSON.parse(entry.message) as Announcement;
    const href = escaped(`${returnTo.href.replace(/#.*$/, '')}#${chosenFragment(entry, said)}`);
    const id = `<code>${escaped(shortId(entry.client))}</code>`;
    return `<tr><th><a rel="noreferrer" href="${href}">${escaped(said.name)}</a></th><td>Box ID ${id}</td></tr>`;
  });
  const list =
    rows.length === 0
      ? '<p>No box is near you: none has announced itself from your network.</p>'
      : `<table>${rows.join('\n')}</table>`;
  const more = shared
    ? '<p>Many boxes share your public address, and not all are listed. Add <code>&amp;code=</code> and the short code of yours to the address of this page.</p>'
    : '';
  return plainPage({
    title: 'Choose a box',
    main: `<h1>Choose a box</h1>
<p>${site} asks which box you want to use with it. It learns the box ID and the address of the one you choose, and nothing about the others. Close this page if you did not expect it.</p>
${list}
${more}`,
  });
}

/** What the page that asked is told: what is needed to connect, under the short id as name. */
function chosenFragment(entry: PingEntry, said: Announcement): string {
  const { v, local_origin, mirror_origins, tunnel_origin } = said;
  const message = JSON.stringify({
    v,
    name: shortId(entry.client),
    claimed: true,
    local_origin,
    mirror_origins,
    tunnel_origin,
  });
  const { client, timestamp } = entry;
  return `box=${Buffer.from(JSON.stringify({ client, message, timestamp })).toString('base64url')}`;
}

/** Throws `redirect-malformed`. HTTPS, or a program on the person's own machine (RFC 8252, 7.3). */
export function returnAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const own = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url !== undefined && (url.protocol === 'https:' || own) && url.username === '' && url.password === '')
    return url;
  throw new Problem('redirect-malformed', 'return_to must be the https: address of a page', { status: 422 });
}
