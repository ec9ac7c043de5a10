import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { StateView } from '../../../protocol/access-api.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView, type Tone } from '../../shared/notice.tsx';
import { useShared } from '../../shared/shared-value.ts';
import { type ConsoleText, useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';
import { homeRows, type Row, type Severity, worst } from './home-rows.ts';

/** Also without an event: “3 minutes ago” grows old. */
const refreshMs = 30_000;

export function Home(): JSX.Element {
  const t = useConsoleText();
  const { api, stateChanges } = useVisit();
  const changes = useShared(stateChanges);
  const loaded = useLoaded(async (signal) => {
    const state = await api<StateView>('/api/state', { signal });
    return { state, arrivedAt: Date.now() };
  });
  const { again } = loaded;
  useEffect(() => {
    if (changes > 0) again();
  }, [changes, again]);
  useEffect(() => {
    const timer = setInterval(again, refreshMs);
    return () => clearInterval(timer);
  }, [again]);
  return (
    <>
      <PageHeading>{t.home.title}</PageHeading>
      <LoadedView loaded={loaded}>
        {({ state, arrivedAt }) => (
          <>
            <State state={state} now={arrivedAt} />
            <AddressList ways={state.ways} />
          </>
        )}
      </LoadedView>
    </>
  );
}

const tones: Record<Severity, Tone> = { ok: 'good', warning: 'warning', error: 'error' };
const marks: Record<Severity, string> = { ok: '✓', warning: '!', error: '✕' };

function State({ state, now }: { state: StateView; now: number }): JSX.Element {
  const t = useConsoleText();
  const rows = homeRows(state, now, useLocale(), t);
  const severity = worst(rows.map((row) => row.severity));
  return (
    <>
      {/* Politely, also when it is bad: it is not an answer to what the person just did. */}
      <p class={`verdict ${tones[severity]}`} role="status">
        <span class="mark" aria-hidden="true">
          {marks[severity]}
        </span>
        {verdict(rows, t)}
      </p>
      <Card title={t.home.state}>
        <ul role="list" class="rows">
          {rows.map((row) => (
            <li key={row.name} class={tones[row.severity]}>
              <span class="mark" aria-hidden="true">
                {marks[row.severity]}
              </span>
              <StateRow row={row} />
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

function verdict(rows: readonly Row[], { home }: ConsoleText): string {
  const count = (severity: Severity): number => rows.filter((row) => row.severity === severity).length;
  if (count('error') > 0) return home.broken(count('error'));
  return count('warning') > 0 ? home.look(count('warning')) : home.allGood;
}

function StateRow({ row }: { row: Row }): JSX.Element {
  const t = useConsoleText();
  return (
    <div>
      <h3>
        {row.name} <span class="hidden">({t.home.severity[row.severity]})</span>
        {row.since !== undefined && <small> {t.home.since(row.since)}</small>}
      </h3>
      {row.sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {row.remedy !== undefined && (
        <p>
          <strong>{t.home.remedy}</strong> {row.remedy}
        </p>
      )}
      {row.boxSays.length > 0 && (
        <p class="soft">
          {t.home.boxSays}{' '}
          <span lang="en">
            {row.boxSays.map((words) => (
              <q key={words}>{words}</q>
            ))}
          </span>
        </p>
      )}
    </div>
  );
}

function AddressList({ ways }: { ways: StateView['ways'] }): JSX.Element | null {
  const t = useConsoleText();
  if (ways.length === 0) return null;
  // Spare names are best kept out of every cache until they are needed: not in the way of a curious click.
  const spare = ways.filter(({ kind }) => kind === 'mirror' || kind === 'address');
  const first = ways.filter((way) => !spare.includes(way));
  return (
    <Card title={t.home.addresses}>
      <p class="soft">{t.home.addressesIntro}</p>
      <WayList ways={first} />
      {spare.length > 0 && (
        <details>
          <summary>{t.home.moreAddresses}</summary>
          <WayList ways={spare} />
        </details>
      )}
    </Card>
  );
}

function WayList({ ways }: { ways: StateView['ways'] }): JSX.Element {
  const t = useConsoleText();
  return (
    <dl class="facts">
      {ways.map(({ kind, url }) => (
        <div key={url}>
          <dt>{t.home.kinds[kind]}</dt>
          <dd>
            <a class="code" href={url}>
              {new URL(url).host}
            </a>
          </dd>
        </div>
      ))}
    </dl>
  );
}
