import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RememberedAnswer } from '../../../protocol/approvals-api.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { dateTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView } from '../../shared/notice.tsx';
import { useShared } from '../../shared/shared-value.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';

/** What was answered to those who wait. Who waits there now stands above this page, as above every other. */
export function Approvals(): JSX.Element {
  const t = useConsoleText();
  const { api, approvals, loadApprovals } = useVisit();
  const [forgetting, setForgetting] = useState<RememberedAnswer>();
  const known = useShared(approvals);
  const loaded = useLoaded(async () => {
    await loadApprovals();
    return approvals.value;
  });
  useEffect(() => {
    if (known !== undefined) loaded.set(known);
  }, [known]);
  const forget = async ({ id }: RememberedAnswer): Promise<void> => {
    await api(`/api/approvals/${encodeURIComponent(id)}`, { method: 'DELETE' });
    await loadApprovals();
  };
  return (
    <>
      <PageHeading>{t.approvals.title}</PageHeading>
      <p class="soft">{t.approvals.intro}</p>
      <LoadedView loaded={loaded}>
        {(view) => (
          <>
            {view?.pending.length === 0 && <p>{t.approvals.nobody}</p>}
            <Card title={t.approvals.remembered}>
              {(view?.remembered ?? []).length === 0 ? (
                <p>{t.approvals.none}</p>
              ) : (
                <ul role="list" class="rows">
                  {view?.remembered.map((answer) => (
                    <Answer key={answer.id} answer={answer} onForget={setForgetting} />
                  ))}
                </ul>
              )}
            </Card>
          </>
        )}
      </LoadedView>
      {forgetting !== undefined && (
        <Confirm
          title={t.approvals.forgetTitle(forgetting.label)}
          action={t.approvals.forget}
          onConfirm={() => forget(forgetting)}
          onClose={() => setForgetting(undefined)}
        >
          <p>{forgetting.allowed ? t.approvals.forgetAllowed : t.approvals.forgetRefused}</p>
        </Confirm>
      )}
    </>
  );
}

function Answer({
  answer,
  onForget,
}: {
  answer: RememberedAnswer;
  onForget: (answer: RememberedAnswer) => void;
}): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { kind, label, allowed, decidedBy, decidedAt } = answer;
  const when = dateTime(decidedAt, locale);
  return (
    <li class="item">
      <div>
        <p>
          <strong>{label}</strong>{' '}
          <span class={allowed ? 'tag' : 'tag no'}>
            {allowed ? t.approvals.allowed : t.approvals.refused}
          </span>
        </p>
        <ul role="list" class="chunks soft">
          <li>{t.sessions.kinds[kind]}</li>
          <li>{t.approvals.by(decidedBy)}</li>
          <li>{when}</li>
        </ul>
      </div>
      <Button aria-label={t.approvals.forgetName(label)} onClick={() => onForget(answer)}>
        {t.approvals.forget}
      </Button>
    </li>
  );
}
