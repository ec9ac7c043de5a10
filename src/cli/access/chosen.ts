import { Problem } from '../../kit/errors.ts';

/** The shortest beginning of an id that counts as that id. */
const leastTyped = 4;

/** The one whose id begins so. Throws `usage`, with `what` it is that was looked for and the command that lists them. */
export function chosen<T extends { id: string }>(all: readonly T[], typed: string, what: string): T {
  const exact = all.find(({ id }) => id === typed);
  if (exact !== undefined) return exact;
  const near = typed.length < leastTyped ? [] : all.filter(({ id }) => id.startsWith(typed.toLowerCase()));
  const [only] = near;
  if (only !== undefined && near.length === 1) return only;
  const why = near.length > 1 ? `${near.length} begin with` : 'there is none that is, or begins with,';
  throw new Problem('usage', `no ${what} was chosen: ${why} “${typed}”`);
}
