import { de as accountDe } from './account.de.ts';
import { en as accountEn } from './account.en.ts';
import { de } from './console.de.ts';
import { en } from './console.en.ts';
import { de as approvalsDe } from './approvals.de.ts';
import { en as approvalsEn } from './approvals.en.ts';
import { de as updatesDe } from './updates.de.ts';
import { en as updatesEn } from './updates.en.ts';
import { textHook } from './translation.ts';

export type ConsoleText = Readonly<typeof en & typeof accountEn & typeof approvalsEn & typeof updatesEn>;
export const consoleText: Readonly<Record<'en' | 'de', ConsoleText>> = {
  en: { ...en, ...accountEn, ...approvalsEn, ...updatesEn },
  de: { ...de, ...accountDe, ...approvalsDe, ...updatesDe },
};
export const useConsoleText = textHook(consoleText);
