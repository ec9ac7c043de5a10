import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { PasswordSignInRequest } from '../../../protocol/access-api.ts';
import type { SecondFactor } from '../../../protocol/account-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Form, type FormValues, PasswordField, TextField } from '../../shared/form.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { Notice } from '../../shared/notice.tsx';
import { hrefOf } from '../../shared/router.ts';
import { useShared } from '../../shared/shared-value.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { Beside, besidePassword } from '../beside-password.tsx';
import { signInByPasskey } from '../passkeys.ts';
import { isConnect, useSession, useVisit } from '../visit.ts';

export function SignIn(): JSX.Element {
  const t = useConsoleText();
  const visit = useVisit();
  const { boxName, passkeys } = useSession();
  const ended = useShared(visit.ended);
  const [beside, setBeside] = useState<readonly SecondFactor[]>();

  const byPassword = async ({ name = '', password = '', code }: FormValues): Promise<void> => {
    const body: PasswordSignInRequest = {
      name: name.trim(),
      password,
      ...(code === undefined ? {} : { code: code.trim() }),
    };
    const wanted = await besidePassword(visit.api('/api/login', { method: 'POST', body }));
    setBeside(wanted);
    if (wanted === undefined) await visit.refresh();
  };
  const byPasskey = async (): Promise<void> => {
    await signInByPasskey(visit.api);
    await visit.refresh();
  };
  return (
    <NarrowPage>
      <div>
        <PageHeading>{t.signIn.title}</PageHeading>
        <p class="soft">{t.signIn.intro(boxName)}</p>
      </div>
      {ended && <Notice tone="warning">{t.signIn.ended}</Notice>}
      {isConnect() && <Notice>{t.signIn.forApp}</Notice>}
      <Form
        onSubmit={byPassword}
        submit={t.signIn.submit}
        fieldOf={{ 'wrong-name-or-password': 'password', 'wrong-code': 'code' }}
      >
        <TextField
          name="name"
          label={t.fields.name}
          autocomplete="username"
          maxLength={accessLimits.nameMax}
        />
        <PasswordField name="password" label={t.fields.password} autocomplete="current-password" />
        <Beside wanted={beside} />
      </Form>
      {passkeys && (
        <>
          <p class="or">{t.signIn.or}</p>
          <Form onSubmit={byPasskey} submit={t.signIn.passkey} submitKind="plain" />
        </>
      )}
      <ul role="list" class="ways-out">
        <li>
          <a href={hrefOf('recover')}>{t.signIn.forgot}</a>
        </li>
        <li>
          <a href={hrefOf('join')}>{t.signIn.invited}</a>
        </li>
      </ul>
    </NarrowPage>
  );
}
