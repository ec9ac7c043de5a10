import type { JSX } from 'preact';
import type { StateView } from '../../../protocol/access-api.ts';
import { relativeTime } from '../../shared/format.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLocale } from '../../shared/language.ts';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView, Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';

export function Services(): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { api } = useVisit();
  const loaded = useLoaded((signal) => api<StateView>('/api/state', { signal }));
  return (
    <>
      <PageHeading>{t.services.title}</PageHeading>
      <p class="soft">{t.services.intro}</p>
      <LoadedView loaded={loaded}>
        {({ services, now }) =>
          services.length === 0 ? (
            <Card>
              <p>{t.services.none}</p>
            </Card>
          ) : (
            <ul role="list" class="stack">
              {services.map(({ label, url, awaySince }) => (
                <li key={label} class="card item">
                  <div>
                    <h2>{label}</h2>
                    <p class="code soft">{new URL(url).host}</p>
                    {awaySince !== undefined && (
                      <Notice tone="warning">{t.services.away(relativeTime(awaySince, now, locale))}</Notice>
                    )}
                  </div>
                  <a class="button" href={url}>
                    {t.services.open(label)}
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </LoadedView>
    </>
  );
}
