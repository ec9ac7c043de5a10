import { textHook } from '../../shared/text/translation.ts';
import { de } from './app.de.ts';
import { en } from './app.en.ts';

export const useAppText = textHook({ en, de });
