import type { Condition } from '../../kit/health.ts';
import { escaped } from '../../kit/markup.ts';

/** What the status page shows. From outside of the home network, `details` is absent: strangers learn nothing of the home. */
export interface StatusView {
  name: string;
  boxId: string;
  /** The page came with the identity's own certificate, which no browser trusts by itself. */
  selfSigned: boolean;
  through: 'home' | 'tunnel';
  details: { urls: readonly [label: string, url: string][]; conditions: readonly Condition[] } | undefined;
}

const marks = { ok: '●', warning: '▲', error: '■' } as const;
const words = { ok: 'works', warning: 'needs a look', error: 'does not work' } as const;

/** The box's state without the console: plain HTML, no script, style in a sheet of its own. */
export function statusPage(view: StatusView): string {
  const home = view.details === undefined ? 'from another network' : 'on its home network';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(view.name)} · Porchlight</title>
<link rel="stylesheet" href="/status.css">
</head>
<body>
<main>
<h1>${escaped(view.name)}</h1>
<p>This is your Porchlight box. You reached it ${view.through === 'home' ? home : 'through its tunnel'}.</p>
${view.selfSigned ? selfSignedNotice : ''}${view.details === undefined ? '' : details(view.details)}<p class="id"><small>Box id <code>${escaped(view.boxId)}</code></small></p>
</main>
</body>
</html>
`;
}

const selfSignedNotice = `<p class="notice" role="status">The box has no public certificate yet, so this page came with its own.
It gets one as soon as it reaches the internet; nothing needs to be done.</p>
`;

function details({ urls, conditions }: NonNullable<StatusView['details']>): string {
  const state = conditions.map(
    ({ name, severity, message, remedy }) =>
      `<tr class="${severity}"><th scope="row"><span aria-hidden="true">${marks[severity]}</span> ${escaped(name)}</th>` +
      `<td>${escaped(message)}<span class="hidden"> (${words[severity]})</span>` +
      `${remedy === undefined ? '' : `<br><small>${escaped(remedy)}</small>`}</td></tr>`,
  );
  const ways = urls.map(
    ([label, url]) =>
      `<tr><th scope="row">${escaped(label)}</th><td><a href="${escaped(url)}">${escaped(url)}</a></td></tr>`,
  );
  return `<h2>State</h2>
<table>${state.join('\n')}</table>
<h2>Ways in</h2>
<table>${ways.join('\n')}</table>
`;
}

export const statusStyle = `:root{color-scheme:light dark;--fg:#1c1b1a;--bg:#fbf9f5;--soft:#6a645c;--line:#e4ddd2;--ok:#2f7d4f;--warning:#9a6200;--error:#b3261e;--notice:#fff3d6}
@media (prefers-color-scheme:dark){:root{--fg:#ece7df;--bg:#191715;--soft:#a39b90;--line:#37322c;--ok:#7fce9b;--warning:#f0b65a;--error:#ff8a80;--notice:#3a3018}}
body{margin:0;background:var(--bg);color:var(--fg);font:1rem/1.5 system-ui,sans-serif}
main{max-width:44rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.75rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
th{font-weight:600;white-space:nowrap}small,.id{color:var(--soft)}code{overflow-wrap:anywhere}a{color:inherit}
.ok th span{color:var(--ok)}.warning th span{color:var(--warning)}.error th span{color:var(--error)}
.notice{background:var(--notice);padding:.75rem 1rem;border-radius:.5rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (max-width:30rem){th,td{display:block;border-top:0;padding:.25rem 0}tr{display:block;border-top:1px solid var(--line);padding:.5rem 0}}
`;
