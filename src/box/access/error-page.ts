import type { Problem } from '../../kit/errors.ts';
import { escaped } from '../../kit/markup.ts';

const sentence = (words: string): string => `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;

/** For a person who was sent here wrongly and whom nobody may send back: what is wrong, and the way to the box itself. */
export function errorPage(problem: Problem, boxName: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not connected · ${escaped(boxName)}</title>
<link rel="stylesheet" href="/status.css">
</head>
<body>
<main>
<h1>Not connected</h1>
<p role="alert">${escaped(sentence(problem.message))}</p>
<p><a href="/">To the box</a></p>
<p class="id"><small>${escaped(problem.code)}</small></p>
</main>
</body>
</html>
`;
}
