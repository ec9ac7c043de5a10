import { Problem } from '../../kit/runtime/errors.ts';

/** The shortest beginning of an id that counts as that id. */
const leastTyped = 4;

/** The one whose id begins so. Throws `usage`, with `what` was looked for. */
export function chosen<T extends { id: string }>(all: readonly T[], typed: string, what: string): T {
  const exact = all.find(({ id }) => id === typed);
  if (exact !== undefined) return exact;
  const near = typed.length < leastTyped ? [] : all.filter(({ id }) => id.startsWith(typed.toLowerCase()));
  const [only] = near;
  if (only !== undefined && near.length === 1) return only;
  const found =
    near.length > 1 ? `there are ${near.length} whose id begins` : `there is no ${what} whose id begins`;
  throw new Problem('usage', `${found} with “${typed}”; give more of it, as the list has it`);
}
