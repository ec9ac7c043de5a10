import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../shared/controls.tsx';
import { NarrowPage } from '../shared/layout.tsx';
import { ProblemNotice, Waiting } from '../shared/notice.tsx';
import { hrefOf, useRoute } from '../shared/router.ts';
import { PageNotice } from '../shared/page-notice.ts';
import { useShared } from '../shared/shared-value.ts';
import { useSharedText } from '../shared/text/shared.ts';
import { listenToBox } from './events.ts';
import { Frame } from './frame.tsx';
import { Consent } from './pages/consent.tsx';
import { FirstRun } from './pages/first-run.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { PasskeyOffer } from './pages/passkey-offer.tsx';
import { Join, Recover } from './pages/recover.tsx';
import { RecoveryCode } from './pages/recovery-code.tsx';
import { ProofDialog } from './proof-dialog.tsx';
import { StorageNotice } from './storage-notice.tsx';
import { isConnect, useVisit } from './visit.ts';

/** What somebody who has just been given an account has to see before anything else. */
type Welcome =
  | { step: 'code'; recoveryCode: string; offerPasskey: boolean; refreshed: Promise<void> }
  | { step: 'passkey' };

/** The page for the stage this visit is at, and in front of it, when the box asks for it, the proof that it is this person. */
export function Console(): JSX.Element {
  return (
    <PageNotice.Provider value={<StorageNotice />}>
      <Stage />
      <ProofDialog />
    </PageNotice.Provider>
  );
}

function Stage(): JSX.Element {
  const t = useSharedText();
  const visit = useVisit();
  const session = useShared(visit.session);
  const problem = useShared(visit.problem);
  const entry = useRoute(['login', 'recover', 'join']);
  const [welcome, setWelcome] = useState<Welcome>();
  const isIn = session?.stage === 'in';

  useEffect(() => void visit.refresh(), [visit]);
  useEffect(() => {
    if (!isIn) return undefined;
    // What cannot be had now comes with the next word of the box.
    const loadApprovals = (): void => void visit.loadApprovals().catch(() => undefined);
    loadApprovals();
    return listenToBox({
      onEnded: () => void visit.refresh(),
      onApprovals: loadApprovals,
      onLost: () => void visit.refresh(),
      onState: () => {
        visit.stateChanges.set(visit.stateChanges.value + 1);
        void visit.refresh();
      },
    });
  }, [isIn, visit]);

  const letIn = async (recoveryCode: string, offerPasskey: boolean): Promise<void> => {
    // The door they came through is not theirs to come back to.
    if (location.hash !== '') location.replace(hrefOf(''));
    const refreshed = visit.refresh();
    setWelcome({ step: 'code', recoveryCode, offerPasskey, refreshed });
    await refreshed;
  };

  const onward = async ({ offerPasskey, refreshed }: Extract<Welcome, { step: 'code' }>): Promise<void> => {
    // Whoever is quick waits for what the box says of them now.
    await refreshed;
    setWelcome(offerPasskey && visit.session.value?.passkeys === true ? { step: 'passkey' } : undefined);
  };

  if (welcome?.step === 'code')
    return <RecoveryCode code={welcome.recoveryCode} onDone={() => void onward(welcome)} />;
  if (welcome?.step === 'passkey' && isIn) return <PasskeyOffer onDone={() => setWelcome(undefined)} />;
  if (session === undefined)
    return (
      <NarrowPage>
        {problem === undefined ? (
          <Waiting />
        ) : (
          <>
            <ProblemNotice problem={problem} />
            <Button onClick={() => void visit.refresh()}>{t.again}</Button>
          </>
        )}
      </NarrowPage>
    );
  if (session.stage === 'first-run') return <FirstRun onOwner={(code) => letIn(code, true)} />;
  if (session.stage === 'in') return isConnect() ? <Consent /> : <Frame />;
  if (entry === 'recover') return <Recover onIn={(code) => letIn(code, false)} />;
  if (entry === 'join') return <Join onIn={(code) => letIn(code, true)} />;
  return <SignIn />;
}
