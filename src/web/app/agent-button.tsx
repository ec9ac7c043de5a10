import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { signInWithAgent } from '../../client/index.ts';
import { isAbort } from '../../kit/runtime/errors.ts';
import { agentLink, shortId } from '../../protocol/constants.ts';
import { Button } from '../shared/controls.tsx';
import { AppProblem } from './app-problem.tsx';
import {
  agreeToHome,
  type App,
  askBrowserForHome,
  browserRefuses,
  homeAccess,
  setLastBox,
  useApp,
} from './context.ts';
import type { Destination } from './pending-navigation.ts';
import { useAppText } from './text/app.ts';

/** No agent runs on these. */
const handheld = /\b(Android|iPhone|iPad|Mobile)\b/;

/** Signs in with the session of the agent on this computer. Nothing asks for one before it is pressed. */
export function AgentButton({
  box,
  onSignedIn,
}: {
  box: Destination;
  onSignedIn: () => void;
}): JSX.Element | null {
  const app = useApp();
  const t = useAppText().agent;
  const [working, setWorking] = useState<AbortController>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => () => working?.abort(), [working]);
  if (!box.claimed || handheld.test(navigator.userAgent)) return null;
  const go = async (): Promise<void> => {
    const controller = new AbortController();
    setWorking(controller);
    setProblem(undefined);
    try {
      await signIn(app, box, controller.signal);
      onSignedIn();
    } catch (error) {
      if (controller.signal.aborted || isAbort(error)) return;
      setProblem(error);
      setWorking(undefined);
    }
  };
  return (
    <>
      <p class="actions">
        <Button
          busy={working !== undefined}
          onClick={() => void go()}
          aria-label={t.signInTo(box.name, shortId(box.id))}
        >
          {t.signIn}
        </Button>
      </p>
      {working !== undefined && (
        <p class="soft" role="status">
          {t.working}
        </p>
      )}
      {problem !== undefined && <AppProblem problem={problem} />}
    </>
  );
}

async function signIn(app: App, box: Destination, signal: AbortSignal): Promise<void> {
  const { clientId, store, boxes, publicPage } = app;
  if (publicPage && box.ways.tunnel === null) {
    await agreeToHome(app);
    await askBrowserForHome(box.ways.main);
  }
  const localAllowed = (await homeAccess(app)) === 'yes';
  // One that may not be asked need not be started.
  const start = (await browserRefuses()) ? undefined : openLink;
  const options = { box, clientId, store, publicPage, localAllowed, openLink: start, signal };
  const remembered = await signInWithAgent(options);
  await boxes.put(remembered);
  await setLastBox(app, remembered.id);
}

/** In a frame that nobody sees: where nothing is registered for the link, nothing happens, or the browser says so. */
function openLink(): void {
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.src = agentLink;
  document.body.append(frame);
  setTimeout(() => frame.remove(), 5000);
}
