const segmenter = new Intl.Segmenter();

/** The longest beginning of `text` that `fits`, without cutting what a person sees as one character (UAX #29). */
export function cutToFit(text: string, fits: (text: string) => boolean): string {
  if (fits(text)) return text;
  let cut = '';
  for (const { segment } of segmenter.segment(text)) {
    if (!fits(cut + segment)) break;
    cut += segment;
  }
  return cut;
}

const pictograph = String.raw`\p{Extended_Pictographic}\p{Emoji_Modifier}?\uFE0F?`;
/** Scripts in which a (non-)joiner makes another word of the same letters, or the right shape of one (RFC 5892, A.1 and A.2). */
const joining = [
  'Arab',
  'Syrc',
  'Mong',
  'Deva',
  'Beng',
  'Guru',
  'Gujr',
  'Orya',
  'Taml',
  'Telu',
  'Knda',
  'Mlym',
  'Sinh',
]
  .map((script) => String.raw`\p{Script=${script}}`)
  .join('');
/** What is written with characters that cannot be seen: joined emoji, flags of regions, words with (non-)joiners. */
const meant = new RegExp(
  [
    String.raw`(?<=${pictograph})\u200D(?=\p{Extended_Pictographic})`,
    String.raw`(?<=[${joining}])[\u200C\u200D](?=[${joining}])`,
    String.raw`(?<=\u{1F3F4}[\u{E0030}-\u{E007A}]{0,8})[\u{E0030}-\u{E007A}](?=[\u{E0030}-\u{E007A}]{0,8}\u{E007F})`,
    String.raw`(?<=\u{1F3F4}[\u{E0030}-\u{E007A}]{1,8})\u{E007F}`,
  ].join('|'),
  'gu',
);

/**
 * `name` without what cannot be seen: control and formatting characters (direction overrides, zero-width) would let one name
 * look like another, and break what it is written into. Joiners stay where they make what is seen: in emoji, and in scripts
 * that need them. Empty when nothing that can be read is left.
 */
export function readableName(name: string): string {
  const normal = name.normalize('NFC');
  const kept = new Set([...normal.matchAll(meant)].map(({ index }) => index));
  const seen = normal.replaceAll(/\p{C}/gu, (character, index: number) => (kept.has(index) ? character : ''));
  return seen.replaceAll(/\s+/g, ' ').trim();
}

/** `readableName` in at most `length` UTF-16 units, cut between characters. */
export function shortName(name: string, length: number): string {
  return cutToFit(readableName(name), (text) => text.length <= length);
}

/** For comparing: names that differ in nothing but joiners look the same. */
export function withoutJoiners(name: string): string {
  return name.replaceAll(/[\u200C\u200D]/g, '');
}
