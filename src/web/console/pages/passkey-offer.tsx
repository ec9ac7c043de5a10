import type { JSX } from 'preact';
import { Button } from '../../shared/controls.tsx';
import { Form } from '../../shared/form.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { addPasskey } from '../passkeys.ts';
import { useVisit } from '../visit.ts';

/** The last step of becoming an owner or a member, which may be left out. */
export function PasskeyOffer({ onDone }: { onDone: () => void }): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const add = async (): Promise<void> => {
    await addPasskey(api, t.account.thisDevice);
    onDone();
  };
  return (
    <NarrowPage>
      <PageHeading>{t.passkeyOffer.title}</PageHeading>
      <p>{t.passkeyOffer.intro}</p>
      <Form
        onSubmit={add}
        submit={t.passkeyOffer.add}
        more={<Button onClick={onDone}>{t.passkeyOffer.later}</Button>}
      />
    </NarrowPage>
  );
}
