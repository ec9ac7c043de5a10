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
