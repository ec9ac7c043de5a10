import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { dateTime, relativeTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';
import { type Branch, countBelow, holdsCurrent } from './session-tree.ts';

/** Sessions that can be ended, each with what hangs below it. `onEnded`: one of them is, and the page goes on. */
export function SessionList({
  tree,
  now,
  onEnded,
}: {
  tree: readonly Branch[];
  now: number;
  onEnded: () => void;
}): JSX.Element {
  const t = useConsoleText();
  const { api, refresh } = useVisit();
  const [ending, setEnding] = useState<Branch>();
  const end = async (branch: Branch): Promise<void> => {
    await api(`/api/sessions/${encodeURIComponent(branch.session.id)}`, { method: 'DELETE' });
    if (holdsCurrent(branch)) await refresh();
    else onEnded();
  };
  return (
    <>
      <Tree tree={tree} now={now} onEnd={setEnding} />
      {ending !== undefined && (
        <Confirm
          title={t.sessions.endTitle(ending.session.label)}
          action={t.sessions.end}
          onConfirm={() => end(ending)}
          onClose={() => setEnding(undefined)}
        >
          <p>{holdsCurrent(ending) ? t.sessions.endCurrent : t.sessions.endText(countBelow(ending))}</p>
        </Confirm>
      )}
    </>
  );
}

function Tree({
  tree,
  now,
  onEnd,
}: {
  tree: readonly Branch[];
  now: number;
  onEnd: (branch: Branch) => void;
}): JSX.Element {
  return (
    <ul role="list" class="tree">
      {tree.map((branch) => (
        <li key={branch.session.id}>
          <Session branch={branch} now={now} onEnd={onEnd} />
          {branch.children.length > 0 && <Tree tree={branch.children} now={now} onEnd={onEnd} />}
        </li>
      ))}
    </ul>
  );
}

function Session({
  branch,
  now,
  onEnd,
}: {
  branch: Branch;
  now: number;
  onEnd: (branch: Branch) => void;
}): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { label, kind, current, lastSeenAt, lastAddress, expiresAt } = branch.session;
  const facts = [
    t.sessions.kinds[kind],
    t.sessions.lastSeen(relativeTime(lastSeenAt, now, locale)),
    ...(lastAddress === null ? [] : [t.sessions.from(lastAddress)]),
    ...(expiresAt === null ? [] : [t.sessions.until(dateTime(expiresAt, locale))]),
  ];
  return (
    <div class="item">
      <div>
        <p>
          <strong>{label}</strong> {current && <span class="tag">{t.sessions.current}</span>}
        </p>
        <ul role="list" class="chunks soft">
          {facts.map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
        </ul>
      </div>
      <Button aria-label={t.sessions.endName(label)} onClick={() => onEnd(branch)}>
        {t.sessions.end}
      </Button>
    </div>
  );
}
