import { de } from './console.de.ts';
import { en } from './console.en.ts';
import { textHook } from './translation.ts';

export type ConsoleText = Readonly<typeof en>;
export const consoleText = { en, de };
export const useConsoleText = textHook(consoleText);
