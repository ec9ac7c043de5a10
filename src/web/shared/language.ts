import { createShared, useShared } from './shared-value.ts';

/** Each by its own name, for people who look for theirs. */
export const languages = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof languages;

const keptUnder = 'porchlight-language';

function isLanguage(text: string | null | undefined): text is Language {
  return text !== null && text !== undefined && Object.hasOwn(languages, text);
}

/** The one chosen before, else the first that the browser wants and we have, else English. */
export function chooseLanguage(kept: string | null, wanted: readonly string[]): Language {
  if (isLanguage(kept)) return kept;
  return wanted.map((tag) => tag.toLowerCase().split('-')[0]).find(isLanguage) ?? 'en';
}

const language = createShared<Language>('en');

/** Call once, before anything is drawn. */
export function startLanguage(): void {
  language.subscribe((chosen) => (document.documentElement.lang = chosen));
  language.set(chooseLanguage(keptChoice(), navigator.languages));
}

export function setLanguage(chosen: Language): void {
  language.set(chosen);
  try {
    localStorage.setItem(keptUnder, chosen);
  } catch {
    // Storage can be switched off; then the choice holds until the page is left.
  }
}

function keptChoice(): string | null {
  try {
    return localStorage.getItem(keptUnder);
  } catch {
    return null;
  }
}

export function useLanguage(): Language {
  return useShared(language);
}

/** For dates and numbers: the person's own kind of the chosen language (`en-GB`) when the browser names one. */
export function useLocale(): string {
  return chooseLocale(useLanguage(), navigator.languages);
}

export function chooseLocale(chosen: Language, wanted: readonly string[]): string {
  return wanted.find((tag) => tag.toLowerCase().split('-')[0] === chosen) ?? chosen;
}
