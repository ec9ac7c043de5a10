import { shortName } from '../kit/runtime/text.ts';

/** A name as it may be shown; nothing for what is no text. Without what cannot be seen, at most 63 characters. */
export function shownName(name: unknown): string {
  return typeof name === 'string' ? shortName(name, 63) : '';
}
