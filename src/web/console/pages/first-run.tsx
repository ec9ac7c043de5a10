import type { JSX } from 'preact';
import type { FirstRunRequest } from '../../../protocol/access-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Form, type FormValues, PasswordField, TextField } from '../../shared/form.tsx';
import { NarrowPage, PageHeading } from '../../shared/layout.tsx';
import { Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';

/** A box without an owner: whoever has the setup code, at home, becomes it. */
export function FirstRun({ onOwner }: { onOwner: (recoveryCode: string) => Promise<void> }): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const { boxName, through } = useSession();
  if (through === 'tunnel')
    return (
      <NarrowPage>
        <PageHeading>{t.firstRun.tunnelTitle}</PageHeading>
        <Notice tone="warning">{t.firstRun.tunnel}</Notice>
      </NarrowPage>
    );

  const submit = async ({ setupCode = '', name = '', password = '' }: FormValues): Promise<void> => {
    const body: FirstRunRequest = { setupCode: setupCode.trim(), name: name.trim(), password };
    const { recoveryCode } = await api<{ recoveryCode: string }>('/api/first-run', { method: 'POST', body });
    await onOwner(recoveryCode);
  };
  return (
    <NarrowPage>
      <PageHeading>{t.firstRun.title}</PageHeading>
      <p>{t.firstRun.intro(boxName)}</p>
      <Form
        onSubmit={submit}
        submit={t.firstRun.submit}
        fieldOf={{ 'wrong-setup-code': 'setupCode', 'name-taken': 'name', 'password-refused': 'password' }}
      >
        <TextField
          name="setupCode"
          label={t.fields.setupCode}
          hint={t.fields.setupCodeHint}
          autocomplete="off"
          maxLength={32}
          verbatim
        />
        <TextField
          name="name"
          label={t.fields.name}
          autocomplete="username"
          maxLength={accessLimits.nameMax}
        />
        <PasswordField
          name="password"
          label={t.fields.password}
          hint={t.fields.passwordHint}
          autocomplete="new-password"
        />
      </Form>
    </NarrowPage>
  );
}
