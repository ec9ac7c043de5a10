import type { JSX } from 'preact';
import type { JoinRequest, RecoverRequest } from '../../../protocol/access-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Form, type FormValues, PasswordField, TextField } from '../../shared/form.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { hrefOf } from '../../shared/router.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';

interface DoorProps {
  /** Told the next recovery code, which is shown once. */
  onIn: (recoveryCode: string) => Promise<void>;
}

/** A recovery code in place of a forgotten password. */
export function Recover({ onIn }: DoorProps): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const submit = async ({ name = '', recoveryCode = '', password = '' }: FormValues): Promise<void> => {
    const body: RecoverRequest = { name: name.trim(), recoveryCode: recoveryCode.trim(), password };
    const answer = await api<{ recoveryCode: string }>('/api/recover', { method: 'POST', body });
    await onIn(answer.recoveryCode);
  };
  return (
    <NarrowPage>
      <PageHeading>{t.recover.title}</PageHeading>
      <p>{t.recover.intro}</p>
      <Form
        onSubmit={submit}
        submit={t.recover.submit}
        fieldOf={{ 'wrong-recovery-code': 'recoveryCode', 'password-refused': 'password' }}
        more={<BackToLogin />}
      >
        <TextField
          name="name"
          label={t.fields.name}
          autocomplete="username"
          maxLength={accessLimits.nameMax}
        />
        <TextField
          name="recoveryCode"
          label={t.fields.recoveryCode}
          autocomplete="off"
          maxLength={64}
          verbatim
        />
        <NewPassword />
      </Form>
    </NarrowPage>
  );
}

/** Somebody who was invited chooses a password. */
export function Join({ onIn }: DoorProps): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const { boxName } = useSession();
  const submit = async ({ inviteCode = '', password = '' }: FormValues): Promise<void> => {
    const body: JoinRequest = { inviteCode: inviteCode.trim(), password };
    const answer = await api<{ recoveryCode: string }>('/api/join', { method: 'POST', body });
    await onIn(answer.recoveryCode);
  };
  return (
    <NarrowPage>
      <PageHeading>{t.join.title}</PageHeading>
      <p>{t.join.intro(boxName)}</p>
      <Form
        onSubmit={submit}
        submit={t.join.submit}
        fieldOf={{ 'invite-refused': 'inviteCode', 'password-refused': 'password' }}
        more={<BackToLogin />}
      >
        <TextField name="inviteCode" label={t.fields.inviteCode} autocomplete="off" maxLength={64} verbatim />
        <NewPassword />
      </Form>
    </NarrowPage>
  );
}

function NewPassword(): JSX.Element {
  const { fields } = useConsoleText();
  return (
    <PasswordField
      name="password"
      label={fields.newPassword}
      hint={fields.passwordHint}
      autocomplete="new-password"
    />
  );
}

function BackToLogin(): JSX.Element {
  const t = useConsoleText();
  return <a href={hrefOf('login')}>{t.login.back}</a>;
}
