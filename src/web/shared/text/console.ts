import { de } from './console.de.ts';
import { en } from './console.en.ts';
import { de as doorDe } from './door.de.ts';
import { en as doorEn } from './door.en.ts';
import { textHook } from './translation.ts';

export type ConsoleText = Readonly<typeof en & typeof doorEn>;
export const consoleText: Readonly<Record<'en' | 'de', ConsoleText>> = {
  en: { ...en, ...doorEn },
  de: { ...de, ...doorDe },
};
export const useConsoleText = textHook(consoleText);
