import { Problem } from '../../kit/runtime/errors.ts';

/** The members `names` of an answer, which must be texts. Throws `bad-answer`. */
export function textsIn<N extends string>(
  value: unknown,
  from: string,
  names: readonly N[],
): Record<N, string> {
  const members = (value ?? {}) as Partial<Record<N, unknown>>;
  const texts = names.map((name): [N, string] => {
    const member = members[name];
    if (typeof member === 'string') return [name, member];
    throw new Problem('bad-answer', `${from} answered without ${name}`, { status: 502 });
  });
  return Object.fromEntries(texts) as Record<N, string>;
}
