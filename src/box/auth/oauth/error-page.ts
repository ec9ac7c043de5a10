import type { Problem } from '../../../kit/runtime/errors.ts';
import { escaped } from '../../../kit/http/markup.ts';
import { plainPage } from '../../../kit/http/plain-page.ts';
import { sentence } from '../../../kit/http/refusal.ts';

/** For a person who was sent here wrongly and whom nobody may send back: what is wrong, and the way to the box itself. */
export function errorPage(problem: Problem, boxName: string): string {
  return plainPage({
    title: `Not connected · ${boxName}`,
    main: `<h1>Not connected</h1>
<p role="alert">${escaped(sentence(problem.message))}</p>
<p><a href="/">Go to the box</a></p>
<p class="id"><small>${escaped(problem.code)}</small></p>`,
  });
}
