import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ProofRequest, SecondFactor } from '../../protocol/account-api.ts';
import { Button } from '../shared/controls.tsx';
import { Form, type FormValues, PasswordField } from '../shared/form.tsx';
import { useShared } from '../shared/shared-value.ts';
import { useConsoleText } from '../shared/text/console.ts';
import { useSharedText } from '../shared/text/shared.ts';
import { Beside, besidePassword } from './beside-password.tsx';
import { proveByPasskey } from './passkeys.ts';
import type { ProofAsked } from './proof.ts';
import { useVisit } from './visit.ts';

/** In front of whatever the person was doing, as soon as the box asks for it. */
export function ProofDialog(): JSX.Element | null {
  const asked = useShared(useVisit().proofAsked);
  return asked === undefined ? null : <Asking asked={asked} />;
}

function Asking({ asked }: { asked: ProofAsked }): JSX.Element {
  const { proof: t } = useConsoleText();
  const { cancel } = useSharedText();
  const { api } = useVisit();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const [beside, setBeside] = useState<readonly SecondFactor[]>();
  const byPassword = async ({ password = '', code }: FormValues): Promise<void> => {
    const body: ProofRequest = { password, ...(code === undefined ? {} : { code: code.trim() }) };
    const wanted = await besidePassword(api('/api/proof', { method: 'POST', body }));
    if (wanted === undefined) asked.given();
    else setBeside(wanted);
  };
  const byPasskey = async (): Promise<void> => {
    await proveByPasskey(api);
    asked.given();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={asked.declined}>
      <h2 id={id}>{t.title}</h2>
      <p>{t.intro}</p>
      {asked.by.includes('passkey') && <Form onSubmit={byPasskey} submit={t.passkey} submitKind="plain" />}
      <Form
        onSubmit={byPassword}
        submit={t.submit}
        fieldOf={{ 'wrong-name-or-password': 'password', 'wrong-code': 'code' }}
        more={<Button onClick={() => dialog.current?.close()}>{cancel}</Button>}
      >
        <PasswordField name="password" label={t.password} autocomplete="current-password" />
        <Beside wanted={beside} />
      </Form>
    </dialog>
  );
}
