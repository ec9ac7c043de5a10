import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SecondFactorView, TotpView } from '../../../protocol/account-api.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { CodeField, Form, type FormValues } from '../../shared/form.tsx';
import { Card } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView, Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';
import { QrCode } from './qr-code.tsx';

/** Something beside the password, for those who want it. */
export function SecondFactor(): JSX.Element {
  const { secondFactor: t } = useConsoleText();
  const { api } = useVisit();
  const [begun, setBegun] = useState<TotpView>();
  const [leaving, setLeaving] = useState(false);
  const loaded = useLoaded((signal) => api<SecondFactorView>('/api/second-factor', { signal }));
  const begin = async (): Promise<void> =>
    setBegun(await api<TotpView>('/api/second-factor/totp', { method: 'POST' }));
  const change = async (method: 'PUT' | 'DELETE'): Promise<void> => {
    await api('/api/second-factor', { method });
    loaded.again();
  };
  const confirmed = (): void => {
    setBegun(undefined);
    loaded.again();
  };
  return (
    <Card title={t.title}>
      <p class="soft">{t.intro}</p>
      <LoadedView loaded={loaded}>
        {({ on, totp, passkeys }) => (
          <>
            <p role="status">{on ? (totp ? t.onTotp : t.onPasskey) : t.off}</p>
            {begun !== undefined ? (
              <SetUp totp={begun} onDone={confirmed} onCancel={() => setBegun(undefined)} />
            ) : (
              <>
                {!totp && <Form onSubmit={begin} submit={t.totp} submitKind="plain" />}
                {!on && passkeys && (
                  <Form onSubmit={() => change('PUT')} submit={t.passkey} submitKind="plain" />
                )}
                {on && (
                  <div class="actions">
                    <Button onClick={() => setLeaving(true)}>{t.switchOff}</Button>
                  </div>
                )}
              </>
            )}
          </>
        )}
      </LoadedView>
      {leaving && (
        <Confirm
          title={t.offTitle}
          action={t.switchOff}
          onConfirm={() => change('DELETE')}
          onClose={() => setLeaving(false)}
        >
          <p>{t.offText}</p>
        </Confirm>
      )}
    </Card>
  );
}

function SetUp({
  totp,
  onDone,
  onCancel,
}: {
  totp: TotpView;
  onDone: () => void;
  onCancel: () => void;
}): JSX.Element {
  const { secondFactor: t } = useConsoleText();
  const { api } = useVisit();
  const confirm = async ({ code = '' }: FormValues): Promise<void> => {
    await api('/api/second-factor/totp', { method: 'PUT', body: { code: code.trim() } });
    onDone();
  };
  return (
    <>
      <Notice>{t.scan}</Notice>
      <QrCode text={totp.uri} label={t.qr} />
      <p>{t.orType}</p>
      <p class="secret small">
        <code>{totp.secret.match(/.{1,4}/g)?.join(' ')}</code>
      </p>
      <p>
        <a href={totp.uri}>{t.here}</a>
      </p>
      <Form
        onSubmit={confirm}
        submit={t.confirm}
        fieldOf={{ 'wrong-code': 'code' }}
        more={<Button onClick={onCancel}>{t.cancel}</Button>}
      >
        <CodeField label={t.code} hint={t.codeHint} />
      </Form>
    </>
  );
}
