import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import type { SecondFactor } from '../../protocol/account-api.ts';
import { CodeField } from '../shared/form.tsx';
import { Notice } from '../shared/notice.tsx';
import { useConsoleText } from '../shared/text/console.ts';

/** What the box wants beside the password, which was right; `undefined`: nothing, the person is in. */
export async function besidePassword(call: Promise<unknown>): Promise<readonly SecondFactor[] | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'second-factor-needed') throw error;
    const by = error instanceof Problem ? error.details['by'] : undefined;
    return Array.isArray(by) ? (by as SecondFactor[]) : ['totp'];
  }
}

/** The field for it, which takes the focus when it appears; a passkey has its own button, and needs no password. */
export function Beside({ wanted }: { wanted: readonly SecondFactor[] | undefined }): JSX.Element {
  const { secondFactor: t } = useConsoleText();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.querySelector('input')?.focus(), [wanted]);
  return (
    <div ref={place} class="live" aria-live="polite">
      {wanted?.includes('totp') === true && <CodeField label={t.code} hint={t.codeHint} />}
      {wanted?.includes('totp') === false && <Notice>{t.passkeyNeeded}</Notice>}
    </div>
  );
}
