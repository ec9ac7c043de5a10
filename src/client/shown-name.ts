import { cutToFit } from '../kit/text.ts';

/** A name as it may be shown: without control characters and marks of writing direction, at most 63 characters. */
export function shownName(name: string): string {
  const shown = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '').trim();
  return cutToFit(shown, (text) => text.length <= 63);
}
