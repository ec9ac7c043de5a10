import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ConnectionState, RememberedBox } from '../../client/index.ts';
import { Confirm } from '../shared/confirm.tsx';
import { Button } from '../shared/controls.tsx';
import { PageHeading } from '../shared/layout.tsx';
import { useLoaded } from '../shared/loading.ts';
import { Notice, Waiting } from '../shared/notice.tsx';
import { AgentButton } from './agent-button.tsx';
import { AppProblem } from './app-problem.tsx';
import { BoxStateView } from './box-state-view.tsx';
import { useConnection } from './connection.ts';
import { forgetBox, type HomeAccess, setLastBox, useApp } from './context.ts';
import type { Destination } from './pending-navigation.ts';
import { BoxNumber, RouteButton } from './found-boxes.tsx';
import { goTo } from './route.ts';
import { useAppText } from './text/app.ts';

/** A box this browser knows. */
export function BoxView({ id, focus }: { id: string; focus: boolean }): JSX.Element {
  const app = useApp();
  const { value, problem, again } = useLoaded(async () => ({ box: await app.boxes.get(id) }));
  useEffect(() => {
    if (value !== undefined && value.box === undefined) goTo({ name: 'boxes' });
  }, [value]);
  if (problem !== undefined) return <AppProblem problem={problem} />;
  if (value?.box === undefined) return <Waiting />;
  // Signed in again is another connection.
  return <KnownBox key={value.box.tokens?.refresh} box={value.box} focus={focus} onSignedIn={again} />;
}

function KnownBox({
  box,
  focus,
  onSignedIn,
}: {
  box: RememberedBox;
  focus: boolean;
  onSignedIn: () => void;
}): JSX.Element {
  const app = useApp();
  const t = useAppText().box;
  const { connection, state, problem, home, allowHome, signOut } = useConnection(box);
  const [forgetting, setForgetting] = useState(false);
  const [signedOut, setSignedOut] = useState(false);
  useEffect(() => void setLastBox(app, box.id), [box.id]);
  const out = connection.phase === 'logged-out';
  // What the box said before says nothing of it now.
  const lost = connection.phase === 'unreachable' || connection.phase === 'no-way';
  const leave = async (): Promise<void> => {
    setSignedOut(true);
    await signOut();
  };
  const forget = async (): Promise<void> => {
    if (!out) await signOut();
    await forgetBox(app, box.id);
    goTo({ name: 'start' });
  };
  return (
    <>
      <PageHeading focus={focus}>{box.name}</PageHeading>
      {out ? (
        <ConnectAgain
          box={box}
          why={signedOut || box.tokens === null ? t.signedOut : t.ended}
          onSignedIn={onSignedIn}
        />
      ) : (
        <>
          <WaySign connection={connection} />
          <Reaching phase={connection.phase} />
          {problem !== undefined && <AppProblem problem={problem} />}
          {state !== undefined && !lost && <BoxStateView state={state} />}
          {home !== 'yes' && (connection.endpoint === 'tunnel' || connection.phase === 'no-way') && (
            <DirectWay home={home} onAllow={allowHome} />
          )}
        </>
      )}
      <p class="actions">
        {!out && <Button onClick={() => void leave()}>{t.signOut}</Button>}
        <Button onClick={() => setForgetting(true)}>{t.forget}</Button>
      </p>
      {forgetting && (
        <Confirm
          title={t.forgetTitle(box.name)}
          action={t.forget}
          onConfirm={forget}
          onClose={() => setForgetting(false)}
        >
          <p>{t.forgetText}</p>
        </Confirm>
      )}
    </>
  );
}

/** Which way the answers come: said as it is, and said again when it changes. */
function WaySign({ connection }: { connection: ConnectionState }): JSX.Element {
  const t = useAppText().box.endpoint;
  const endpoint = connection.endpoint ?? 'none';
  return (
    <p class={`endpoint ${endpoint}`} role="status">
      <span class="dot" aria-hidden="true" />
      {t[endpoint]}
    </p>
  );
}

function Reaching({ phase }: { phase: ConnectionState['phase'] }): JSX.Element | null {
  const t = useAppText().box;
  if (phase === 'looking') return <Waiting>{t.looking}</Waiting>;
  if (phase === 'no-way') return <Notice tone="warning">{t.noEndpoint}</Notice>;
  if (phase !== 'unreachable') return null;
  return (
    <Notice tone="warning">
      <p>{t.unreachable}</p>
      <p>{t.unreachableCheck}</p>
    </Notice>
  );
}

/** At home, the tunnel is a detour: this page takes it until it may do otherwise. */
function DirectWay({
  home,
  onAllow,
}: {
  home: HomeAccess | undefined;
  onAllow: () => Promise<void>;
}): JSX.Element | null {
  const t = useAppText().box;
  const [busy, setBusy] = useState(false);
  const allow = (): void => {
    setBusy(true);
    void onAllow();
  };
  if (home === 'refused') return <p class="soft">{t.directRefused}</p>;
  if (home === undefined) return null;
  return (
    <div class="stack">
      <p class="soft">{t.directHint}</p>
      <p class="actions">
        <Button busy={busy} onClick={allow}>
          {t.direct}
        </Button>
      </p>
    </div>
  );
}

/** The session is over; the box may let in again. What is known of it is from then, where it was reached too. */
function ConnectAgain({
  box,
  why,
  onSignedIn,
}: {
  box: RememberedBox;
  why: string;
  onSignedIn: () => void;
}): JSX.Element {
  const t = useAppText().box;
  const route = box.outside && box.ways.tunnel !== null ? 'tunnel' : 'home';
  const destination: Destination = {
    id: box.id,
    name: box.name,
    claimed: true,
    ways: box.ways,
    rebindingFilter: false,
    mdnsHost: undefined,
  };
  return (
    <div class="stack">
      <Notice>{why}</Notice>
      <BoxNumber id={box.id} />
      <RouteButton box={destination} route={route} label={t.reconnect} primary />
      <AgentButton box={destination} onSignedIn={onSignedIn} />
    </div>
  );
}
