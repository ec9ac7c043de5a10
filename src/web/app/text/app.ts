import { textHook } from '../../shared/text/translation.ts';
import { de } from './app.de.ts';
import { en } from './app.en.ts';

export type AppText = Readonly<typeof en>;
export const appText = { en, de };
export const useAppText = textHook(appText);
