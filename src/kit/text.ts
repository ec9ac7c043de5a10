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

/**
 * `name` without what cannot be seen: control and formatting characters (direction overrides, zero-width) would let one name
 * look like another, and break what it is written into. Empty when nothing that can be read is left.
 */
export function readableName(name: string): string {
  return name.normalize('NFC').replaceAll(/\p{C}/gu, '').replaceAll(/\s+/g, ' ').trim();
}
