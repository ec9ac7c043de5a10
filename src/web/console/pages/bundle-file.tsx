import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { UpdateState } from '../../../protocol/update-api.ts';
import { FileField, Form } from '../../shared/form.tsx';
import { Card } from '../../shared/layout.tsx';
import { Done } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';
import { Progress } from './progress.tsx';
import { upload } from './upload.ts';

/** A bundle from this computer. */
export function BundleFile({ onChange }: { onChange: (state: UpdateState) => void }): JSX.Element {
  const { updates: t } = useConsoleText();
  const { csrf } = useSession();
  const { api } = useVisit();
  const [bundle, setBundle] = useState<File>();
  const older = useRef<HTMLInputElement>(null);
  const [percent, setPercent] = useState<number>();
  const [sent, setSent] = useState(false);
  const [left] = useState(() => new AbortController());
  useEffect(() => () => left.abort(), [left]);

  const send = async (): Promise<void> => {
    if (bundle === undefined) return;
    setSent(false);
    // Before it is sent, not after.
    await api('/api/proof');
    setPercent(0);
    const path = `/api/update/bundle${older.current?.checked === true ? '?allowDowngrade=true' : ''}`;
    const options = { csrf: csrf ?? '', onPercent: setPercent, signal: left.signal };
    try {
      onChange(await upload<UpdateState>(path, bundle, options));
      setSent(true);
    } finally {
      setPercent(undefined);
    }
  };
  return (
    <Card title={t.file}>
      <p class="soft">{t.fileIntro}</p>
      <Form onSubmit={send} submit={t.send} submitKind="plain">
        <FileField name="bundle" label={t.bundle} accept=".raucb" onChoose={setBundle} />
        <label class="check">
          <input ref={older} type="checkbox" name="older" /> {t.older}
        </label>
        {percent !== undefined && <Progress label={t.sending} percent={percent} />}
      </Form>
      <Done>{sent ? t.sent : undefined}</Done>
    </Card>
  );
}
