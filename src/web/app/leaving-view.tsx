import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { hasArrived } from '../../client/index.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { Button } from '../shared/controls.tsx';
import { PageHeading } from '../shared/layout.tsx';
import { Notice, Waiting } from '../shared/notice.tsx';
import { type App, useApp } from './context.ts';
import { type PendingNavigation, routesTo } from './pending-navigation.ts';
import { Routes } from './found-boxes.tsx';
import { sleep } from './looking.ts';
import { useAppText } from './text/app.ts';

/** `back`: the person came back to this page, from an error page of the browser or from the box. */
interface LeavingProps {
  pending: PendingNavigation;
  back: boolean;
  onGiveUp: () => void;
}

/** A page of the home network opens at once, or something is in its way. */
const patienceMs = 6000;
const askSeconds = 15;
const mostRounds = 8;
const pauseMs = 3000;

/**
 * The window is on its way to the box. This page is alive until the box answers, and learns from the registration-server
 * whether it does; if not, it says why and what other ways there are.
 */
export function LeavingView({ pending, back, onGiveUp }: LeavingProps): JSX.Element {
  const app = useApp();
  const t = useAppText();
  const { box, route, state } = pending;
  const [cameBack, setCameBack] = useState(back);
  const [outcome, setOutcome] = useState<'waiting' | 'arrived' | 'not-arrived'>('waiting');

  useEffect(() => {
    setOutcome('waiting');
    const controller = new AbortController();
    const { signal } = controller;
    // Restored from the browser's memory by its Back button.
    addEventListener('pageshow', ({ persisted }) => persisted && setCameBack(true), { signal });
    void (async () => {
      if (cameBack) return (await arrived(app, state, signal)) ? onGiveUp() : setOutcome('not-arrived');
      void sleep(patienceMs, signal).then(() =>
        setOutcome((now) => (signal.aborted || now !== 'waiting' ? now : 'not-arrived')),
      );
      if (await untilArrived(app, state, signal)) setOutcome('arrived');
    })();
    return () => controller.abort();
  }, [state, cameBack]);

  const others = routesTo(box).filter((other) => other !== route);
  return (
    <>
      <PageHeading focus={!cameBack}>{t.leaving.title(box.name)}</PageHeading>
      {outcome === 'not-arrived' ? (
        <>
          <Notice tone="warning">
            <p>
              <strong>{t.leaving.notArrived}</strong>
            </p>
            <p>{box.rebindingFilter && route === 'home' ? t.route.filtered(box.name) : t.leaving.why}</p>
          </Notice>
          <p>{others.length === 0 ? t.route.none : t.leaving.others}</p>
          <Routes box={box} routes={[...others, route]} again={route} />
        </>
      ) : (
        <Waiting>{outcome === 'arrived' ? t.leaving.arrived : t.leaving.waiting}</Waiting>
      )}
      <p>
        <Button onClick={onGiveUp}>{t.leaving.back}</Button>
      </p>
    </>
  );
}

/** A registration-server that cannot be asked has not heard of an arrival either. */
async function arrived(app: App, state: string, signal: AbortSignal, waitSeconds = 0): Promise<boolean> {
  const { registration } = app.cloud;
  try {
    return await hasArrived({ registration, state, waitSeconds, signal });
  } catch (error) {
    if (!(error instanceof Problem)) return false;
    await sleep(Math.max(pauseMs, (error.retryAfterSeconds ?? 0) * 1000), signal);
    return false;
  }
}

async function untilArrived(app: App, state: string, signal: AbortSignal): Promise<boolean> {
  for (let round = 0; round < mostRounds && !signal.aborted; round++) {
    if (await arrived(app, state, signal, askSeconds)) return true;
  }
  return false;
}
