/** Words that are the same in both languages. */
const alike = new Set([
  'Porchlight',
  'Name',
  'Version',
  'App',
  'Apps',
  'Browser',
  'Passkeys',
  'Passkey',
  'Updates',
  'Version 1',
  'Version 2',
  '1',
  '2',
]);

/** Every text with its path; functions are called with numbers, which every one of them can take for words as well. */
function texts(value: unknown, path = ''): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function')
    return [1, 2].map((given) => [`${path}(${given})`, String(value(given, given))]);
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${path}.${key}`));
}

function faults(
  found: string,
  of: Map<string, string>,
  is: (text: string, path: string) => boolean,
): string[] {
  return [...of].filter(([path, text]) => is(text, path)).map(([path, text]) => `${found}: ${path}: ${text}`);
}

const bare = (text: string): boolean => text.trim() === '' || text !== text.trim();

/**
 * What is wrong with the text of a page, by path. That no key is missing is a matter of types; this finds texts that are
 * empty, left in English, or written with the marks of another language.
 */
export function textFaults({ en, de }: { en: object; de: object }): string[] {
  const english = new Map(texts(en));
  const german = new Map(texts(de));
  return [
    ...faults('empty or with space around', english, bare),
    ...faults('empty or with space around', german, bare),
    ...faults('not translated', german, (text, path) => english.get(path) === text && !alike.has(text)),
    ...faults('marks that are not English', english, (text) => /["„]|\.\.\.|\s'|'\s/.test(text)),
    ...faults('marks that are not German', german, (text) => /["”]|\.\.\.|\s'|'\s/.test(text)),
    ...faults('not the polite form', german, (text) => /\b(du|dein\w*|dich|dir)\b/i.test(text)),
  ];
}
