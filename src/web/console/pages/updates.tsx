import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { UpdateState } from '../../../protocol/update-api.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { Choices, Form, type FormValues } from '../../shared/form.tsx';
import { dateTime, relativeTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { Done, LoadedView, Notice, ProblemNotice } from '../../shared/notice.tsx';
import { useShared } from '../../shared/shared-value.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';
import { BundleFile } from './bundle-file.tsx';
import { Progress } from './progress.tsx';

/** Also without an event: when the box restarts there is nobody to send one. */
const refreshMs = 5000;
const underWay: ReadonlySet<UpdateState['phase']> = new Set(['checking', 'downloading', 'installing']);

export function Updates(): JSX.Element {
  const t = useConsoleText();
  const { api, stateChanges } = useVisit();
  const changes = useShared(stateChanges);
  const [leaving, setLeaving] = useState<string>();
  const loaded = useLoaded((signal) => api<UpdateState>('/api/update', { signal }));
  const { again, set, value, problem } = loaded;
  useEffect(() => {
    if (changes > 0) again();
  }, [changes, again]);
  useEffect(() => {
    const timer = setInterval(again, refreshMs);
    return () => clearInterval(timer);
  }, [again]);
  // It is back: with another version, or with the same one after all.
  const isBack = value !== undefined && value.phase !== 'awaiting-reboot' && problem === undefined;
  useEffect(() => {
    if (isBack) setLeaving(undefined);
  }, [isBack]);
  const restart = async (target: string): Promise<void> => {
    set(await api<UpdateState>('/api/update/restart', { method: 'POST' }));
    setLeaving(target);
  };

  return (
    <>
      <PageHeading>{t.updates.title}</PageHeading>
      {leaving !== undefined ? (
        <Notice>{t.updates.restarting}</Notice>
      ) : (
        <LoadedView loaded={loaded}>
          {(state) =>
            state.phase === 'not-an-appliance' ? (
              <Card>
                <p>{t.updates.version(state.version)}</p>
                <p>{t.updates.notAnAppliance}</p>
              </Card>
            ) : (
              <>
                <p class="soft">{t.updates.intro}</p>
                <Runs state={state} onRestart={restart} />
                <There state={state} onChange={set} />
                <ByItself state={state} onChange={set} />
                <BundleFile onChange={set} />
              </>
            )
          }
        </LoadedView>
      )}
    </>
  );
}

const isBusy = ({ phase }: UpdateState): boolean => underWay.has(phase) || phase === 'trial';

function Runs({
  state,
  onRestart,
}: {
  state: UpdateState;
  onRestart: (target: string) => Promise<void>;
}): JSX.Element {
  const { updates: t } = useConsoleText();
  const locale = useLocale();
  const [asking, setAsking] = useState(false);
  const { phase, version, slot, target, progress, restartsAt, trouble, takenBack } = state;
  return (
    <Card title={t.runs}>
      <p>
        <strong>{t.version(version)}</strong> {slot !== null && <span class="soft">{t.slot(slot)}</span>}
      </p>
      <p role="status">{t.phases[phase](target ?? '')}</p>
      {(phase === 'downloading' || phase === 'installing') && (
        <Progress label={t.progress} percent={progress} />
      )}
      {phase === 'awaiting-reboot' && (
        <>
          <p>{restartsAt === null ? t.restartsNot : t.restartsAt(dateTime(restartsAt, locale))}</p>
          <div class="actions">
            <Button kind="primary" onClick={() => setAsking(true)}>
              {t.restart}
            </Button>
          </div>
        </>
      )}
      {trouble !== null && <BoxSays tone="error">{trouble.message}</BoxSays>}
      {takenBack !== null && (
        <>
          <p>{t.rolledBack(takenBack.version, dateTime(takenBack.at, locale))}</p>
          <BoxSays tone="warning">{takenBack.reason}</BoxSays>
        </>
      )}
      {asking && (
        <Confirm
          title={t.restartTitle}
          action={t.restart}
          onConfirm={() => onRestart(target ?? '')}
          onClose={() => setAsking(false)}
        >
          <p>{t.restartText(target ?? '')}</p>
        </Confirm>
      )}
    </Card>
  );
}

function BoxSays({ tone, children }: { tone: 'warning' | 'error'; children: string }): JSX.Element {
  const { updates: t } = useConsoleText();
  return (
    <Notice tone={tone}>
      <p>{t.boxSays}</p>
      <p lang="en">{children}</p>
    </Notice>
  );
}

function There({
  state,
  onChange,
}: {
  state: UpdateState;
  onChange: (state: UpdateState) => void;
}): JSX.Element {
  const { updates: t } = useConsoleText();
  const locale = useLocale();
  const { api } = useVisit();
  const [problem, setProblem] = useState<unknown>();
  const { available, checkedAt, server } = state;
  const ask = async (path: string, body?: object): Promise<void> => {
    setProblem(undefined);
    try {
      onChange(await api<UpdateState>(`/api/update/${path}`, { method: 'POST', ...(body && { body }) }));
    } catch (error) {
      setProblem(error);
    }
  };
  if (!server)
    return (
      <Card title={t.there}>
        <p>{t.noServer}</p>
      </Card>
    );
  return (
    <Card title={t.there}>
      {available === null ? (
        <p>{t.newest}</p>
      ) : (
        <Available available={available} taken={state.target === available.version} />
      )}
      <p class="soft">
        {checkedAt === null ? t.neverChecked : t.checked(relativeTime(checkedAt, Date.now(), locale))}
      </p>
      <ProblemNotice problem={problem} />
      <div class="actions">
        {available !== null && state.target !== available.version && (
          <Button
            kind="primary"
            busy={isBusy(state)}
            onClick={() => void ask('install', { version: available.version })}
          >
            {t.install(available.version)}
          </Button>
        )}
        <Button busy={isBusy(state)} onClick={() => void ask('check')}>
          {t.check}
        </Button>
      </div>
    </Card>
  );
}

function Available({
  available,
  taken,
}: {
  available: NonNullable<UpdateState['available']>;
  taken: boolean;
}): JSX.Element {
  const { updates: t } = useConsoleText();
  const { version, size, notes } = available;
  return (
    <>
      <p>
        <strong>{taken ? t.version(version) : t.newer(version)}</strong>{' '}
        <span class="soft">{t.size(String(Math.ceil(size / 1_000_000)))}</span>
      </p>
      {notes !== '' && (
        <section aria-label={t.notes}>
          <p class="release-notes" lang="en">
            {notes}
          </p>
        </section>
      )}
    </>
  );
}

function ByItself({
  state,
  onChange,
}: {
  state: UpdateState;
  onChange: (state: UpdateState) => void;
}): JSX.Element {
  const { updates: t } = useConsoleText();
  const { api } = useVisit();
  const [saved, setSaved] = useState(false);
  const save = async ({ channel, paused }: FormValues): Promise<void> => {
    setSaved(false);
    const body = { channel, paused: paused === 'yes' };
    onChange(await api<UpdateState>('/api/update/settings', { method: 'PUT', body }));
    setSaved(true);
  };
  return (
    <Card title={t.choices}>
      <Form onSubmit={save} submit={t.save}>
        <Choices
          name="paused"
          legend={t.paused}
          value={state.paused ? 'yes' : 'no'}
          choices={[
            { value: 'no', label: t.on, hint: t.onHint },
            { value: 'yes', label: t.off, hint: t.offHint },
          ]}
        />
        <Choices
          name="channel"
          legend={t.channel}
          value={state.channel}
          choices={[
            { value: 'stable', label: t.stable, hint: t.stableHint },
            { value: 'beta', label: t.beta, hint: t.betaHint },
          ]}
        />
      </Form>
      <Done>{saved ? t.saved : undefined}</Done>
    </Card>
  );
}
