import type { Condition } from '../../kit/runtime/health.ts';
import { escaped } from '../../kit/http/markup.ts';
import { plainPage } from '../../kit/http/plain-page.ts';

/** What the status page shows. From outside of the home network, `details` is absent: strangers learn nothing of the home. */
export interface StatusView {
  /** How the box is called; absent for visitors through the tunnel, who may be anybody. */
  known: { name: string; boxId: string } | undefined;
  /** The page came with the identity's own certificate, which no browser trusts by itself. */
  selfSigned: boolean;
  through: 'home' | 'tunnel';
  /** Nothing can be saved now; the condition `storage` says why. */
  cannotSave: boolean;
  details: { urls: readonly [label: string, url: string][]; conditions: readonly Condition[] } | undefined;
}

const marks = { ok: '●', warning: '▲', error: '■' } as const;
const words = { ok: 'works', warning: 'needs a look', error: 'does not work' } as const;

/** The box's state without the console: plain HTML, no script. */
export function statusPage(view: StatusView): string {
  const home = view.details === undefined ? 'from another network' : 'on its home network';
  const { known } = view;
  const name = known?.name ?? 'Porchlight';
  return plainPage({
    title: known === undefined ? name : `${name} · Porchlight`,
    main: `<h1>${escaped(name)}</h1>
<p>This is your Porchlight box. You reached it ${view.through === 'home' ? home : 'through its tunnel'}.</p>
${view.cannotSave ? cannotSaveNotice : ''}${view.selfSigned ? selfSignedNotice : ''}${view.details === undefined ? '' : details(view.details)}${known === undefined ? '' : `<p class="id"><small>Box ID <code>${escaped(known.boxId)}</code></small></p>`}`,
  });
}

const cannotSaveNotice = `<p class="notice" role="status"><strong>The box cannot save changes right now: its disk is full or does not work.</strong>
What is on it is still there. Whoever is signed in stays signed in, and the apps in your home go on working; signing in and
changing something has to wait until the disk has space again or is replaced. It goes on by itself then.</p>
`;

const selfSignedNotice = `<p class="notice" role="status">The box has no public certificate yet, so this page came with its own.
It gets one as soon as it reaches the internet; you need not do anything.</p>
`;

function details({ urls, conditions }: NonNullable<StatusView['details']>): string {
  const state = conditions.map(
    ({ name, severity, message, remedy }) =>
      `<tr class="${severity}"><th scope="row"><span aria-hidden="true">${marks[severity]}</span> ${escaped(name)}</th>` +
      `<td>${escaped(message)}<span class="hidden"> (${words[severity]})</span>` +
      `${remedy === undefined ? '' : `<br><small>${escaped(remedy)}</small>`}</td></tr>`,
  );
  const addresses = urls.map(
    ([label, url]) =>
      `<tr><th scope="row">${escaped(label)}</th><td><a href="${escaped(url)}">${escaped(url)}</a></td></tr>`,
  );
  return `<h2>State</h2>
<table><tbody>${state.join('\n')}</tbody></table>
<h2>Addresses</h2>
<table><tbody>${addresses.join('\n')}</tbody></table>
`;
}
