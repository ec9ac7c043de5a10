import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { isReturn, RememberedBoxes, type Store } from '../../client/index.ts';
import { Button } from '../shared/controls.tsx';
import { NarrowPage, PageHeading } from '../shared/layout.tsx';
import { useLoaded } from '../shared/loading.ts';
import { LoadedView, Waiting } from '../shared/notice.tsx';
import { useSharedText } from '../shared/text/shared.ts';
import { AppProblem } from './app-problem.tsx';
import { BoxView } from './box-view.tsx';
import { BoxesView } from './boxes-view.tsx';
import { AppProvider, lastBox, useApp } from './context.ts';
import { forgetPending, loadPending } from './pending-navigation.ts';
import { FindView } from './find-view.tsx';
import { LeavingView } from './leaving-view.tsx';
import { type Cloud, isPublicPage, loadCloud } from './place.ts';
import { ReturningView } from './returning-view.tsx';
import { hrefTo, type Route, useRoute } from './route.ts';
import { useAppText } from './text/app.ts';

export function AppPage({ store }: { store: Store }): JSX.Element {
  const t = useSharedText();
  const { value, problem, again } = useLoaded(loadCloud);
  if (value !== undefined) {
    return (
      <NarrowPage>
        <Started cloud={value} store={store} />
      </NarrowPage>
    );
  }
  return (
    <NarrowPage>
      <PageHeading>{t.product}</PageHeading>
      {problem === undefined ? (
        <Waiting />
      ) : (
        <>
          <AppProblem problem={problem} />
          <p>
            <Button onClick={again}>{t.again}</Button>
          </p>
        </>
      )}
    </NarrowPage>
  );
}

function Started({ cloud, store }: { cloud: Cloud; store: Store }): JSX.Element {
  const [pending, setPending] = useState(() => loadPending(Date.now()));
  const [navigatesNow, setDepartedNow] = useState(false);
  const [returnedTo, setReturnedTo] = useState(() => (isReturn(location.href) ? location.href : undefined));
  // The code in the address bar is of no use to anyone after this page, and must not be in its history.
  useEffect(() => {
    if (returnedTo !== undefined) history.replaceState(null, '', './');
  }, [returnedTo]);
  const app = useMemo(() => {
    const redirectUri = new URL('./', location.href.replace(/[?#].*$/, '')).href;
    return {
      cloud,
      store,
      boxes: new RememberedBoxes(store),
      clientId: location.origin,
      redirectUri,
      publicPage: isPublicPage(location.hostname),
      onDepart: (next: typeof pending) => {
        setDepartedNow(true);
        setReturnedTo(undefined);
        setPending(next);
      },
    };
  }, [cloud, store]);
  const giveUp = (): void => {
    // The window may still be on its way.
    window.stop();
    forgetPending();
    setPending(undefined);
  };
  const done = (): void => {
    setReturnedTo(undefined);
    setPending(undefined);
  };
  return (
    <AppProvider value={app}>
      {returnedTo !== undefined ? (
        <ReturningView url={returnedTo} onDone={done} />
      ) : pending === undefined ? (
        <RouteView />
      ) : (
        <LeavingView key={pending.state} pending={pending} back={!navigatesNow} onGiveUp={giveUp} />
      )}
    </AppProvider>
  );
}

function RouteView(): JSX.Element {
  const app = useApp();
  const { route, moved } = useRoute();
  const known = useLoaded(async () => ({ last: await lastBox(app), boxes: await app.boxes.list() }));
  useEffect(() => {
    if (moved) known.again();
  }, [hrefTo(route)]);
  return (
    <LoadedView loaded={known}>
      {({ last, boxes }) => (
        <ShownRoute
          route={route.name === 'start' ? startOf(boxes, last) : route}
          anyBox={boxes.length > 0}
          focus={moved}
        />
      )}
    </LoadedView>
  );
}

/** The box used last, or finding one. */
function startOf(boxes: readonly { id: string }[], last: string | undefined): Route {
  const box = boxes.find(({ id }) => id === last) ?? boxes[0];
  return box === undefined ? { name: 'find' } : { name: 'box', id: box.id };
}

/** `focus`: on the heading of what is shown, for somebody who went there. */
function ShownRoute({
  route,
  anyBox,
  focus,
}: {
  route: Route;
  anyBox: boolean;
  focus: boolean;
}): JSX.Element {
  const t = useAppText().boxes;
  return (
    <>
      <div key={hrefTo(route)} class="view">
        {route.name === 'box' ? (
          <BoxView id={route.id} focus={focus} />
        ) : route.name === 'boxes' ? (
          <BoxesView focus={focus} />
        ) : (
          <FindView focus={focus} />
        )}
      </div>
      {anyBox && (
        <nav class="links" aria-label={t.title}>
          {route.name !== 'boxes' && <a href={hrefTo({ name: 'boxes' })}>{t.link}</a>}
          {route.name !== 'find' && <a href={hrefTo({ name: 'find' })}>{t.another}</a>}
        </nav>
      )}
    </>
  );
}
