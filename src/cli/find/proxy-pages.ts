import type { Problem } from '../../kit/runtime/errors.ts';
import { escaped } from '../../kit/http/markup.ts';
import { plainPage } from '../../kit/http/plain-page.ts';
import { sentence } from '../../kit/http/refusal.ts';
import { shortId } from '../../protocol/names.ts';
import { identityWords, type Listed } from './proven.ts';

function page(title: string, main: string): string {
  return plainPage({ title: `${title} · Porchlight`, main: `<h1>${escaped(title)}</h1>\n${main}` });
}

/** The boxes that were found, each with who it is and a link that opens it. `nothing` is said when there is none. */
export function listPage(boxes: readonly Listed[], nothing: string): string {
  const rows = boxes.map((box) => `<table><tbody>${row(box)}</tbody></table>`).join('\n');
  return page(
    'Boxes on this network',
    `${boxes.length === 0 ? `<p class="notice" role="status">${escaped(nothing)}</p>` : rows}
<p><a href="/look">Look again</a></p>
<p><small>These pages work on this computer, as long as “porchlight find --open” runs.</small></p>`,
  );
}

function row({ name, id, host, identity, fingerprint, problem }: Listed): string {
  const [state, mark] =
    identity === 'changed' ? ['error', '■'] : identity === 'silent' ? ['warning', '▲'] : ['ok', '●'];
  const open = `<a href="/open?box=${encodeURIComponent(host)}">${escaped(name)}</a>`;
  const refused = identity === 'changed';
  const why = `${refused ? 'NOT THE BOX IT WAS: refused' : identityWords[identity]}${problem === undefined ? '' : `: ${problem}`}`;
  return `<tr class="${state}"><th scope="row"><span aria-hidden="true">${mark}</span> ${refused ? escaped(name) : open}</th>
<td>${escaped(shortId(id))} · ${escaped(host)}<p${refused ? ' class="notice" role="alert"' : ''}>${escaped(why)}</p>
<small>Fingerprint <code>${escaped(fingerprint)}</code></small></td></tr>`;
}

/** Says loudly what is wrong instead of a box's page. */
export function problemPage(list: string, problem: Problem): string {
  const title =
    problem.code === 'identity-changed' ? 'STOP: this is not the box it was' : 'The box cannot be opened';
  return page(
    title,
    `<p class="notice" role="alert">${escaped(sentence(problem.message))}</p>
<p><a href="${list}/look">Look again for boxes</a></p>
<p class="id"><small>${escaped(problem.code)}</small></p>`,
  );
}
