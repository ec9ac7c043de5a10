import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { finish } from '../../client/index.ts';
import { codeOf, isAbort } from '../../kit/runtime/errors.ts';
import { Button } from '../shared/controls.tsx';
import { PageHeading } from '../shared/layout.tsx';
import { Waiting } from '../shared/notice.tsx';
import { AppProblem } from './app-problem.tsx';
import {
  agreeToHome,
  type App,
  askBrowserForHome,
  depart,
  homeAccess,
  setLastBox,
  useApp,
} from './context.ts';
import { type PendingNavigation, forgetPending, loadPending } from './pending-navigation.ts';
import { sleep } from './looking.ts';
import { goTo } from './route.ts';
import { useAppText } from './text/app.ts';

/** An ordinary exchange is over by then. */
const slowMs = 3000;

/** The box sent the window back with a one-time code: exchanges it and remembers the box. */
export function ReturningView({ url, onDone }: { url: string; onDone: () => void }): JSX.Element {
  const app = useApp();
  const t = useAppText().returning;
  const [pending] = useState(() => loadPending(Date.now()));
  const [slow, setSlow] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    void sleep(slowMs, signal).then(() => setSlow(!signal.aborted));
    remember(app, url, signal)
      .then(onDone)
      .catch((error: unknown) => {
        if (!isAbort(error)) setProblem(error);
      });
    return () => controller.abort();
  }, [url]);

  if (problem === undefined) {
    return (
      <>
        <PageHeading>{t.title}</PageHeading>
        <Waiting>{slow && pending?.box.claimed === false ? t.slow : t.waiting}</Waiting>
      </>
    );
  }
  const findAgain = (): void => {
    forgetPending();
    goTo({ name: 'find' });
    onDone();
  };
  return (
    <>
      <PageHeading focus>{t.failed}</PageHeading>
      <AppProblem problem={problem} />
      {codeOf(problem) === 'no-way' && app.publicPage && pending !== undefined && (
        <AllowHome pending={pending} />
      )}
      <p class="actions">
        <Button onClick={findAgain}>{t.again}</Button>
      </p>
    </>
  );
}

async function remember(app: App, url: string, signal: AbortSignal): Promise<void> {
  const { clientId, redirectUri, store, boxes, publicPage, cloud } = app;
  const localAllowed = (await homeAccess(app)) === 'yes';
  const ways = loadPending(Date.now())?.box.ways;
  // The code lives for a minute: the browser asks the person before it is on its way.
  if (publicPage && localAllowed && ways?.tunnel === null) await askBrowserForHome(ways.main);
  const { registration } = cloud;
  const box = await finish({
    url,
    clientId,
    redirectUri,
    store,
    publicPage,
    localAllowed,
    registration,
    signal,
  });
  await boxes.put(box);
  await setLastBox(app, box.id);
  forgetPending();
  goTo({ name: 'box', id: box.id });
}

/** The box can be reached from within the home network alone: the person may agree to that, and go again. */
function AllowHome({ pending }: { pending: PendingNavigation }): JSX.Element {
  const app = useApp();
  const t = useAppText().returning;
  const again = async (): Promise<void> => {
    await agreeToHome(app);
    await depart(app, pending.box, pending.route);
  };
  return (
    <>
      <p class="soft">{t.allowHint}</p>
      <p class="actions">
        <Button kind="primary" onClick={() => void again()}>
          {t.allow}
        </Button>
      </p>
    </>
  );
}
