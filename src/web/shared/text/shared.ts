import { de } from './shared.de.ts';
import { en } from './shared.en.ts';
import { textHook } from './translation.ts';

export type SharedText = Readonly<typeof en>;
export const sharedText = { en, de };
export const useSharedText = textHook(sharedText);
