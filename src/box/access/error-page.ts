import type { Problem } from '../../kit/errors.ts';

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');

/** For a person who was sent here wrongly and whom nobody may send back: what is wrong, and the way to the box itself. */
export function errorPage(problem: Problem, boxName: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not connected · ${html(boxName)}</title>
<link rel="stylesheet" href="/status.css">
</head>
<body>
<main>
<h1>Not connected</h1>
<p role="alert">${html(problem.message)}.</p>
<p><a href="/">To the box</a></p>
<p class="id"><small>${html(problem.code)}</small></p>
</main>
</body>
</html>
`;
}
