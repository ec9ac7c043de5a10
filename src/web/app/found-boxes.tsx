import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { FoundBox } from '../../client/index.ts';
import { shortId } from '../../protocol/constants.ts';
import { Button } from '../shared/controls.tsx';
import { useLoaded } from '../shared/loading.ts';
import { Notice } from '../shared/notice.tsx';
import { AgentButton } from './agent-button.tsx';
import { AppProblem } from './app-problem.tsx';
import { agreeToHome, depart, useApp } from './context.ts';
import { type Destination, type Route, routesTo } from './pending-navigation.ts';
import { goTo, hrefTo } from './route.ts';
import { useAppText } from './text/app.ts';

/** One box, or several to choose from. */
export function FoundBoxes({ boxes }: { boxes: readonly FoundBox[] }): JSX.Element | null {
  const app = useApp();
  const known = useLoaded(() => app.boxes.list()).value ?? [];
  const signedIn = new Set(known.filter((box) => box.tokens !== null).map(({ id }) => id));
  if (boxes.length === 0) return null;
  return (
    <ul role="list" class="boxes">
      {boxes.map((box) => (
        <li key={box.id} class="box">
          <BoxName box={box} />
          {signedIn.has(box.id) ? (
            <OpenLink box={box} />
          ) : (
            <>
              <ConnectTo box={box} />
              <AgentButton box={box} onSignedIn={() => goTo({ name: 'box', id: box.id })} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function BoxName({ box }: { box: FoundBox }): JSX.Element {
  const t = useAppText().find;
  return (
    <div>
      <h2>{box.name}</h2>
      <BoxNumber id={box.id} />
      {!box.claimed && <p class="soft">{t.newBox}</p>}
    </div>
  );
}

export function BoxNumber({ id }: { id: string }): JSX.Element {
  const t = useAppText().find;
  return (
    <p class="soft">
      {t.id} <span class="code">{shortId(id)}</span>
    </p>
  );
}

function OpenLink({ box }: { box: FoundBox }): JSX.Element {
  const t = useAppText().find;
  return (
    <p class="actions">
      <a
        class="button primary"
        href={hrefTo({ name: 'box', id: box.id })}
        aria-label={t.openBox(box.name, shortId(box.id))}
      >
        {t.open}
      </a>
    </p>
  );
}

/**
 * Connect, by the most promising route. Behind a router that filters that is not the one at home: why, and what else there
 * is, is said before the person meets an error page that says neither.
 */
function ConnectTo({ box }: { box: Destination }): JSX.Element {
  const t = useAppText();
  if (box.rebindingFilter) {
    return (
      <>
        <Notice tone="warning">
          <p>{t.route.filtered(box.name)}</p>
          <p>{t.route.filteredRemedy}</p>
        </Notice>
        <Routes box={box} routes={routesTo(box)} />
      </>
    );
  }
  return <RouteButton box={box} route="home" label={t.find.connect} primary />;
}

/** Roads to choose from, the first of them recommended; `again` has been tried. */
export function Routes({
  box,
  routes,
  again,
}: {
  box: Destination;
  routes: readonly Route[];
  again?: Route;
}): JSX.Element {
  const t = useAppText();
  const labels = { tunnel: t.route.tunnel, home: t.route.home, 'local-name': t.route.localName };
  const hints = {
    tunnel: t.route.tunnelHint,
    home: undefined,
    'local-name': t.route.localNameHint(box.mdnsHost ?? ''),
  };
  return (
    <ul role="list" class="routes">
      {routes.map((route, index) => (
        <li key={route}>
          <RouteButton
            box={box}
            route={route}
            label={route === again ? t.leaving.again : labels[route]}
            primary={index === 0}
          />
          {hints[route] !== undefined && <p class="soft">{hints[route]}</p>}
        </li>
      ))}
    </ul>
  );
}

/** To a box without a tunnel, pressing it is the person's word that this page may talk to the home network. */
export function RouteButton({
  box,
  route,
  label,
  primary,
}: {
  box: Destination;
  route: Route;
  label: string;
  primary: boolean;
}): JSX.Element {
  const app = useApp();
  const t = useAppText();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const agree = app.publicPage && box.claimed && box.ways.tunnel === null;
  const go = async (): Promise<void> => {
    setBusy(true);
    try {
      if (agree) await agreeToHome(app);
      await depart(app, box, route);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  // Several buttons of the same word are told apart by name and number of the box.
  const full = label === t.find.connect ? { 'aria-label': t.find.connectTo(box.name, shortId(box.id)) } : {};
  return (
    <>
      {agree && primary && <p class="soft">{t.route.noTunnel}</p>}
      <p class="actions">
        <Button kind={primary ? 'primary' : 'plain'} busy={busy} onClick={() => void go()} {...full}>
          {label}
        </Button>
      </p>
      {problem !== undefined && <AppProblem problem={problem} />}
    </>
  );
}
