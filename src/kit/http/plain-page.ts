import { createHash } from 'node:crypto';
import { escaped } from './markup.ts';

/** The lantern of `src/web/shared/icon.svg`, drawn for a tab: a page that names no icon makes browsers ask for `/favicon.ico`. */
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2a2119"/><path d="M10 10l6-4.5 6 4.5M11 11.5h10L22.3 24H9.7z" fill="none" stroke="#f6ead8" stroke-width="1.75"/><path d="M16 13.5c2.4 2.8 3.1 4.2 3.1 5.7a3.1 3.1 0 0 1-6.2 0c0-1.5.7-2.9 3.1-5.7z" fill="#f0b04c"/></svg>';

const style = `:root{color-scheme:light dark;--fg:#1c1b1a;--bg:#fbf9f5;--soft:#6a645c;--line:#e4ddd2;--ok:#2f7d4f;--warning:#8a5700;--error:#b3261e;--notice:#fff3d6}
@media (prefers-color-scheme:dark){:root{--fg:#ece7df;--bg:#191715;--soft:#a39b90;--line:#37322c;--ok:#7fce9b;--warning:#f0b65a;--error:#ff8a80;--notice:#3a3018}}
body{margin:0;background:var(--bg);color:var(--fg);font:1rem/1.5 system-ui,sans-serif}
main{max-width:44rem;margin:0 auto;padding:2rem 1rem}p,h1{overflow-wrap:anywhere}
h1{font-size:1.75rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
th{font-weight:600;white-space:nowrap}small,.id{color:var(--soft)}code{overflow-wrap:anywhere}a{color:inherit}
.ok th span{color:var(--ok)}.warning th span{color:var(--warning)}.error th span{color:var(--error)}
.notice{background:var(--notice);padding:.75rem 1rem;border-radius:.5rem}.notice small{color:inherit}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (max-width:30rem){th,td{display:block;border-top:0;padding:.25rem 0}tr{display:block;border-top:1px solid var(--line);padding:.5rem 0}}
`;

/** The page may use its own style and icon, and nothing else: no script, no frame, no form (CSP level 3, 2.3.1). */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** What every plain page is sent with, whoever sends it. */
export const plainPageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * A page that needs nothing beside itself: style and icon are in it, so that it looks the same from a box, from a server of
 * the cloud, under the name of a service, and on an answer after which the connection ends. `title` is text, `main` is HTML.
 */
export function plainPage({ title, main }: { title: string; main: string }): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}
