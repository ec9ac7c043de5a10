import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { SharedText } from './text/shared.ts';

/** What to tell a person of any error: our words for its code, else the server's own, and how long to wait. */
export function problemText(error: unknown, text: SharedText): string {
  const sentence = sentenceOf(error, text);
  const wait = error instanceof Problem ? error.retryAfterSeconds : undefined;
  return wait === undefined ? sentence : `${sentence} ${text.waitSeconds(Math.max(1, Math.ceil(wait)))}`;
}

function sentenceOf(error: unknown, { problems, passwordRefusals }: SharedText): string {
  const reason = error instanceof Problem ? error.details['reason'] : undefined;
  const code = codeOf(error);
  if (code === 'password-refused' && isKeyOf(passwordRefusals, reason)) return passwordRefusals[reason];
  if (isKeyOf(problems, code)) return problems[code];
  const message = messageOf(error);
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? '' : '.'}`;
}

function isKeyOf<T extends object>(texts: T, key: unknown): key is keyof T {
  return typeof key === 'string' && Object.hasOwn(texts, key);
}
