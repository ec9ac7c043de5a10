import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ConnectQuery, ConnectView, ConsentRequest } from '../../../protocol/access-api.ts';
import { codeOf } from '../../../kit/runtime/errors.ts';
import { Button } from '../../shared/controls.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { Notice, ProblemNotice, Waiting } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';

/** An app asks to connect; the person who is signed in decides. */
export function Consent(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const { person, boxName } = useSession();
  const asked = useLoaded((signal) => api<ConnectView>(`/api/connect${location.search}`, { signal }));
  const [deciding, setDeciding] = useState<'allow' | 'deny'>();
  const [problem, setProblem] = useState<unknown>();

  const decide = async (allow: boolean): Promise<void> => {
    if (deciding !== undefined) return;
    setDeciding(allow ? 'allow' : 'deny');
    setProblem(undefined);
    try {
      const query = Object.fromEntries(new URLSearchParams(location.search)) as ConnectQuery;
      const body: ConsentRequest = { ...query, allow };
      const { redirect } = await api<{ redirect: string }>('/api/connect', { method: 'POST', body });
      location.assign(redirect);
    } catch (error) {
      setDeciding(undefined);
      setProblem(error);
    }
  };

  if (asked.problem !== undefined) return <Refused problem={asked.problem} />;
  if (asked.value === undefined)
    return (
      <NarrowPage>
        <Waiting />
      </NarrowPage>
    );
  const { app } = asked.value;
  return (
    <NarrowPage>
      <PageHeading>{t.consent.title(app.name)}</PageHeading>
      <p>{t.consent.asks}</p>
      <p class="origin">
        <strong>{app.name}</strong>
        {isProgram(app.origin) ? t.consent.program : <code>{app.origin}</code>}
      </p>
      <p>{t.consent.person(person?.name ?? '', boxName)}</p>
      <p class="soft">{t.consent.check}</p>
      <ProblemNotice problem={problem} />
      <div class="actions">
        <Button kind="primary" busy={deciding === 'allow'} onClick={() => void decide(true)}>
          {t.consent.allow}
        </Button>
        <Button busy={deciding === 'deny'} onClick={() => void decide(false)}>
          {t.consent.deny}
        </Button>
      </div>
    </NarrowPage>
  );
}

/** It is returned to a port of this computer that says nothing to anybody (RFC 8252, 7.3). */
const isProgram = (origin: string): boolean => /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:|$)/.test(origin);

function Refused({ problem }: { problem: unknown }): JSX.Element {
  const t = useConsoleText();
  const { person } = useSession();
  const notAllowed = codeOf(problem) === 'app-not-allowed';
  const malformed = ['bad-request', 'invalid-request'].includes(codeOf(problem));
  return (
    <NarrowPage>
      <PageHeading>{t.consent.refused}</PageHeading>
      {malformed ? <Notice tone="error">{t.consent.malformed}</Notice> : <ProblemNotice problem={problem} />}
      <p class="actions">
        <a class="button" href={notAllowed && person?.role === 'owner' ? '/#/apps' : '/'}>
          {notAllowed && person?.role === 'owner' ? t.consent.addApp : t.nav.home}
        </a>
      </p>
    </NarrowPage>
  );
}
