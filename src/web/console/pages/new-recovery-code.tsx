import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { CopyButton } from '../../shared/controls.tsx';
import { Form } from '../../shared/form.tsx';
import { Card } from '../../shared/layout.tsx';
import { Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';

/** For who has lost the paper, or showed it to somebody. */
export function NewRecoveryCode(): JSX.Element {
  const { newRecoveryCode: t } = useConsoleText();
  const { api } = useVisit();
  const [code, setCode] = useState<string>();
  const make = async (): Promise<void> => {
    const made = await api<{ recoveryCode: string }>('/api/recovery-code', { method: 'POST' });
    setCode(made.recoveryCode);
  };
  return (
    <Card title={t.title}>
      <p class="soft">{t.intro}</p>
      {code !== undefined && (
        <Notice tone="good">
          <p>{t.made}</p>
          <p class="secret">
            <code>{code}</code>
          </p>
          <p>
            <CopyButton text={code} />
          </p>
        </Notice>
      )}
      <Form onSubmit={make} submit={t.make} submitKind="plain" />
    </Card>
  );
}
