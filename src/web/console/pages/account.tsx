import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { PasskeyView, PasswordRequest } from '../../../protocol/access-api.ts';
import type { OtherAccessView } from '../../../protocol/account-api.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { Form, type FormValues, PasswordField, TextField } from '../../shared/form.tsx';
import { relativeTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { type Loaded, useLoaded } from '../../shared/loading.ts';
import { Done, LoadedView, Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { KeepFields, keptIn } from './other-access.tsx';
import { NewRecoveryCode } from './new-recovery-code.tsx';
import { SecondFactor } from './second-factor.tsx';
import { addPasskey } from '../passkeys.ts';
import { useSession, useVisit } from '../visit.ts';

export function Account(): JSX.Element {
  const t = useConsoleText();
  const { person } = useSession();
  // What a change of the password ended is gone from the other cards too.
  const [changes, setChanges] = useState(0);
  return (
    <>
      <PageHeading>{t.account.title}</PageHeading>
      <p class="soft">{t.account.signedInAs(person?.name ?? '')}</p>
      <Passkeys key={`passkeys ${changes}`} />
      <SecondFactor key={`factor ${changes}`} />
      <Password onChanged={() => setChanges(changes + 1)} />
      <NewRecoveryCode />
    </>
  );
}

function Password({ onChanged }: { onChanged: () => void }): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const [changes, setChanges] = useState(0);
  const loaded = useLoaded((signal) => api<OtherAccessView>('/api/account/access', { signal }));
  const change = async (values: FormValues): Promise<void> => {
    const { current = '', password = '' } = values;
    const body: PasswordRequest = { current, password, keep: keptIn(values) };
    await api('/api/password', { method: 'PUT', body });
    setChanges(changes + 1);
    loaded.again();
    onChanged();
  };
  return (
    <Card title={t.account.passwordTitle}>
      <p class="soft">{t.account.passwordIntro}</p>
      <Done>{changes > 0 ? t.account.passwordChanged : undefined}</Done>
      <Form
        key={changes}
        onSubmit={change}
        submit={t.account.passwordSubmit}
        fieldOf={{ 'wrong-name-or-password': 'current', 'password-refused': 'password' }}
      >
        <PasswordField name="current" label={t.fields.currentPassword} autocomplete="current-password" />
        <PasswordField
          name="password"
          label={t.fields.newPassword}
          hint={t.fields.passwordHint}
          autocomplete="new-password"
        />
        <LoadedView loaded={loaded}>{({ items }) => <KeepFields items={items} />}</LoadedView>
      </Form>
    </Card>
  );
}

function Passkeys(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const { passkeys: possible } = useSession();
  const [added, setAdded] = useState(0);
  const loaded = useLoaded((signal) => api<{ passkeys: PasskeyView[] }>('/api/passkeys', { signal }));
  const add = async ({ label = '' }: FormValues): Promise<void> => {
    await addPasskey(api, label.trim());
    setAdded(added + 1);
    loaded.again();
  };
  return (
    <Card title={t.account.passkeysTitle}>
      <p class="soft">{t.account.passkeysIntro}</p>
      <PasskeyList loaded={loaded} />
      <Done>{added > 0 ? t.account.passkeyAdded : undefined}</Done>
      {possible ? (
        <Form key={added} onSubmit={add} submit={t.account.passkeyAdd} submitKind="plain">
          <TextField
            name="label"
            label={t.account.passkeyName}
            hint={t.account.passkeyNameHint}
            autocomplete="off"
            maxLength={63}
          />
        </Form>
      ) : (
        <Notice>{t.account.passkeysNotHere}</Notice>
      )}
    </Card>
  );
}

function PasskeyList({ loaded }: { loaded: Loaded<{ passkeys: PasskeyView[] }> }): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { api } = useVisit();
  const [removing, setRemoving] = useState<PasskeyView>();
  const remove = async ({ id }: PasskeyView): Promise<void> => {
    await api(`/api/passkeys/${encodeURIComponent(id)}`, { method: 'DELETE' });
    loaded.again();
  };
  const when = ({ createdAt, lastUsedAt }: PasskeyView): string =>
    lastUsedAt === null
      ? t.account.added(relativeTime(createdAt, Date.now(), locale))
      : t.account.used(relativeTime(lastUsedAt, Date.now(), locale));
  return (
    <>
      <LoadedView loaded={loaded}>
        {({ passkeys }) =>
          passkeys.length === 0 ? (
            <p>{t.account.noPasskeys}</p>
          ) : (
            <ul role="list" class="rows">
              {passkeys.map((passkey) => (
                <li key={passkey.id} class="item">
                  <div>
                    <p>
                      <strong>{passkey.label}</strong>
                    </p>
                    <p class="soft">{when(passkey)}</p>
                  </div>
                  <Button
                    aria-label={t.account.removeName(passkey.label)}
                    onClick={() => setRemoving(passkey)}
                  >
                    {t.account.remove}
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </LoadedView>
      {removing !== undefined && (
        <Confirm
          title={t.account.removeTitle(removing.label)}
          action={t.account.remove}
          onConfirm={() => remove(removing)}
          onClose={() => setRemoving(undefined)}
        >
          <p>{t.account.removeText}</p>
        </Confirm>
      )}
    </>
  );
}
