import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { JoinRequest, RecoverRequest } from '../../../protocol/access-api.ts';
import type { OtherAccessView, RecoverLookRequest } from '../../../protocol/account-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Form, type FormValues, PasswordField, TextField } from '../../shared/form.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { Notice } from '../../shared/notice.tsx';
import { hrefOf } from '../../shared/router.ts';
import { useConsoleText } from '../../shared/text/console.ts';
import { KeepFields, keptIn } from './other-access.tsx';
import { useSession, useVisit } from '../visit.ts';

interface EntryProps {
  /** Told the next recovery code, which is shown once. */
  onIn: (recoveryCode: string) => Promise<void>;
}

/** A recovery code in place of a forgotten password: first who it is, then the new password and what else ends. */
export function Recover({ onIn }: EntryProps): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const [known, setKnown] = useState<RecoverLookRequest & OtherAccessView>();
  const look = async ({ name = '', recoveryCode = '' }: FormValues): Promise<void> => {
    const body: RecoverLookRequest = { name: name.trim(), recoveryCode: recoveryCode.trim() };
    setKnown({ ...body, ...(await api<OtherAccessView>('/api/recover/access', { method: 'POST', body })) });
  };
  if (known !== undefined) return <NewBeginning known={known} onIn={onIn} />;
  return (
    <NarrowPage>
      <PageHeading>{t.recover.title}</PageHeading>
      <p>{t.recover.intro}</p>
      <Form
        onSubmit={look}
        submit={t.recover.next}
        fieldOf={{ 'wrong-recovery-code': 'recoveryCode' }}
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
      </Form>
    </NarrowPage>
  );
}

function NewBeginning({
  known: { items, ...known },
  onIn,
}: EntryProps & { known: RecoverLookRequest & OtherAccessView }): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const submit = async (values: FormValues): Promise<void> => {
    const body: RecoverRequest = { ...known, password: values['password'] ?? '', keep: keptIn(values) };
    const answer = await api<{ recoveryCode: string }>('/api/recover', { method: 'POST', body });
    await onIn(answer.recoveryCode);
  };
  return (
    <NarrowPage>
      <PageHeading>{t.recover.newTitle}</PageHeading>
      <p>{t.recover.newIntro}</p>
      {items.some(({ kind }) => kind === 'totp') && <Notice>{t.recover.noSecondFactor}</Notice>}
      <Form onSubmit={submit} submit={t.recover.submit} fieldOf={{ 'password-refused': 'password' }}>
        <NewPassword />
        <KeepFields items={items} />
      </Form>
    </NarrowPage>
  );
}

/** Somebody who was invited chooses a password. */
export function Join({ onIn }: EntryProps): JSX.Element {
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
  return <a href={hrefOf('login')}>{t.signIn.back}</a>;
}
