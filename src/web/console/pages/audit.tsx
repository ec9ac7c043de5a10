import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { type AuditEntry, auditLimits, type AuditView } from '../../../protocol/audit-api.ts';
import { Button } from '../../shared/controls.tsx';
import { dateTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView, ProblemNotice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';
import { type AuditGroup, auditGroups, ofGroup } from './audit-groups.ts';

/** The audit log, the youngest first; a page of it at a time. */
export function Audit(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const [group, setGroup] = useState<AuditGroup>('all');
  const [older, setOlder] = useState<{ busy: boolean; problem?: unknown }>({ busy: false });
  const id = useId();
  const loaded = useLoaded(async (signal) => {
    const { entries } = await api<AuditView>('/api/audit', { signal });
    return { entries, more: entries.length === auditLimits.page };
  });
  const loadOlder = async (): Promise<void> => {
    const entries = loaded.value?.entries ?? [];
    setOlder({ busy: true });
    try {
      const before = entries.at(-1)?.id ?? 0;
      const next = (await api<AuditView>(`/api/audit?before=${before}`)).entries;
      loaded.set({ entries: [...entries, ...next], more: next.length === auditLimits.page });
      setOlder({ busy: false });
    } catch (problem) {
      setOlder({ busy: false, problem });
    }
  };
  return (
    <>
      <PageHeading>{t.audit.title}</PageHeading>
      <p class="soft">{t.audit.intro(auditLimits.keepDays)}</p>
      <div class="actions">
        <label for={id}>{t.audit.show}</label>
        <select id={id} value={group} onChange={(event) => setGroup(event.currentTarget.value as AuditGroup)}>
          {auditGroups.map((name) => (
            <option key={name} value={name}>
              {t.audit.groups[name]}
            </option>
          ))}
        </select>
      </div>
      <LoadedView loaded={loaded}>
        {({ entries, more }) => (
          <Card>
            <Entries entries={ofGroup(entries, group)} />
            <ProblemNotice problem={older.problem} />
            {more && (
              <p>
                <Button busy={older.busy} onClick={() => void loadOlder()}>
                  {t.audit.older}
                </Button>
              </p>
            )}
          </Card>
        )}
      </LoadedView>
    </>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  if (entries.length === 0) return <p>{t.audit.none}</p>;
  return (
    <ul role="list" class="rows record">
      {entries.map(({ id, at, action, who, what, address }) => (
        <li key={id}>
          <div>
            <p>{t.audit.actions[action](who, what)}</p>
            <p class="soft">
              <time dateTime={new Date(at).toISOString()}>{dateTime(at, locale)}</time>
              {address !== null && ` · ${t.sessions.from(address)}`}
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}
