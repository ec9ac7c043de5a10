import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Notice } from '../shared/notice.tsx';
import { useShared } from '../shared/shared-value.ts';
import { useSharedText } from '../shared/text/shared.ts';
import { useVisit } from './visit.ts';

/** Who is not signed in is told of no change. */
const askAgainMs = 10_000;

/** That the box can save nothing now, what works all the same, and what to do; for whoever visits, until it is over. */
export function StorageNotice(): JSX.Element | null {
  const { cannotSave: t } = useSharedText();
  const { session, refresh } = useVisit();
  const why = useShared(session)?.cannotSave;
  useEffect(() => {
    if (why === undefined) return undefined;
    const timer = setInterval(() => void refresh(), askAgainMs);
    return () => clearInterval(timer);
  }, [why, refresh]);
  if (why === undefined) return null;
  return (
    <Notice tone="warning">
      <p>
        <strong>{t.title}</strong>. {t.why[why]}
      </p>
      <p>{t.works}</p>
      <p>{why === 'storage-full' ? t.toDo.full : t.toDo.worn}</p>
    </Notice>
  );
}
