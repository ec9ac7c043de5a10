import type { JSX } from 'preact';
import type { StateView } from '../../../protocol/access-api.ts';
import { dateTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';

export function About(): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { api } = useVisit();
  const { boxId, boxName, through } = useSession();
  const loaded = useLoaded((signal) => api<StateView>('/api/state', { signal }));
  return (
    <>
      <PageHeading>{t.about.title}</PageHeading>
      <LoadedView loaded={loaded}>
        {({ version, now }) => (
          <Card>
            <dl class="facts">
              <Fact name={t.about.box} value={boxName} />
              <Fact name={t.about.boxId} value={boxId} hint={t.about.boxIdHint} />
              <Fact name={t.about.version} value={version} />
              <Fact name={t.about.clock} value={dateTime(now, locale)} />
              <Fact name={t.about.connection} value={t.about.through[through]} />
            </dl>
          </Card>
        )}
      </LoadedView>
      <p class="soft">{t.about.free}</p>
    </>
  );
}

function Fact({ name, value, hint }: { name: string; value: string; hint?: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {hint !== undefined && <small>{hint}</small>}
      </dd>
    </div>
  );
}
