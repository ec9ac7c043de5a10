import type { JSX } from 'preact';
import { Button, CopyButton } from '../../shared/controls.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession } from '../visit.ts';

/** Shown once, before anything else: there is no other way to read it again. */
export function RecoveryCode({ code, onDone }: { code: string; onDone: () => void }): JSX.Element {
  const t = useConsoleText();
  const { boxName } = useSession();
  return (
    <NarrowPage>
      <PageHeading>{t.recovery.title}</PageHeading>
      <p class="no-print">{t.recovery.intro}</p>
      <p class="only-print">{t.recovery.printed(boxName)}</p>
      <p class="secret">
        <code>{code}</code>
      </p>
      <div class="actions no-print">
        <CopyButton text={code} />
        <Button onClick={() => print()}>{t.recovery.print}</Button>
      </div>
      <div class="actions no-print">
        <Button kind="primary" onClick={onDone}>
          {t.recovery.done}
        </Button>
      </div>
    </NarrowPage>
  );
}
