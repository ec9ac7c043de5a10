import { cutToFit } from '../kit/text.ts';

/** A name as it may be shown; nothing for what is no text. Without control characters and marks of writing direction, at most 63 characters. */
export function shownName(name: unknown): string {
  if (typeof name !== 'string') return '';
  const shown = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '').trim();
  return cutToFit(shown, (text) => text.length <= 63);
}
