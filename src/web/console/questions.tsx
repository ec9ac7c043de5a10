import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PendingApproval } from '../../protocol/approvals-api.ts';
import { Button } from '../shared/controls.tsx';
import { ProblemNotice } from '../shared/notice.tsx';
import { useShared } from '../shared/shared-value.ts';
import { useConsoleText } from '../shared/text/console.ts';
import { type KnownApprovals, useVisit } from './visit.ts';

/** Whole seconds that are left to answer. */
export function secondsLeft(question: PendingApproval, known: KnownApprovals, atNow: number): number {
  const leftThen = question.endsAt - known.now;
  return Math.max(0, Math.ceil((leftThen - (atNow - known.at)) / 1000));
}

/**
 * Who waits to be let in, above every page of an owner's, as soon as they ask. The region is there before what it says, so
 * that a screen reader speaks up.
 */
export function Questions(): JSX.Element {
  const { approvals } = useVisit();
  const known = useShared(approvals);
  const at = useSeconds(known !== undefined && known.pending.length > 0);
  const open = known?.pending.filter((question) => secondsLeft(question, known, at) > 0) ?? [];
  return (
    <div class="questions" aria-live="assertive">
      {known !== undefined &&
        open.map((question) => (
          <Question key={question.id} question={question} left={secondsLeft(question, known, at)} />
        ))}
    </div>
  );
}

function Question({ question, left }: { question: PendingApproval; left: number }): JSX.Element {
  const t = useConsoleText();
  const { api, loadApprovals } = useVisit();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const { id, kind, label, code, address } = question;
  const answer = async (allow: boolean): Promise<void> => {
    setBusy(true);
    try {
      await api(`/api/approvals/${encodeURIComponent(id)}`, { method: 'POST', body: { allow } });
      await loadApprovals();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="card question" aria-label={t.approvals.asks(label)}>
      <h2>{t.approvals.asks(label)}</h2>
      <p>{t.approvals.compare}</p>
      <p class="secret">
        <code>{code}</code>
      </p>
      <ul role="list" class="chunks soft">
        <li>{t.sessions.kinds[kind]}</li>
        <li>{t.sessions.from(address)}</li>
        <li>
          <span role="timer" aria-live="off">
            {t.approvals.left(left)}
          </span>
        </li>
      </ul>
      <ProblemNotice problem={problem} />
      <div class="actions">
        <Button
          kind="primary"
          busy={busy}
          aria-label={t.approvals.allowName(label)}
          onClick={() => void answer(true)}
        >
          {t.approvals.allow}
        </Button>
        <Button busy={busy} aria-label={t.approvals.refuseName(label)} onClick={() => void answer(false)}>
          {t.approvals.refuse}
        </Button>
      </div>
    </section>
  );
}

/** `performance.now()`, again each second while there is something to count. */
function useSeconds(counting: boolean): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!counting) return undefined;
    const timer = setInterval(() => tick((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [counting]);
  return performance.now();
}
