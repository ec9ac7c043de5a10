import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { discover, type Discovery } from '../../client/index.ts';
import { codeOf } from '../../kit/runtime/errors.ts';
import { Button } from '../shared/controls.tsx';
import { Form, TextField } from '../shared/form.tsx';
import { PageHeading } from '../shared/layout.tsx';
import { Notice, Waiting } from '../shared/notice.tsx';
import { AppProblem } from './app-problem.tsx';
import { useApp } from './context.ts';
import { FoundBoxes } from './found-boxes.tsx';
import { type Look, Looking } from './looking.ts';
import { useAppText } from './text/app.ts';

/** Which boxes share this home's public address: asks the registration-server, and nobody in the home. */
export function FindView({ focus }: { focus: boolean }): JSX.Element {
  const { cloud } = useApp();
  const t = useAppText();
  const code = useRef<string>(undefined);
  const looking = useRef<Looking<Discovery>>(undefined);
  const [look, setLook] = useState<Look<Discovery>>({ found: undefined, problem: undefined });
  const [unknownCode, setUnknownCode] = useState(false);
  useEffect(() => {
    const ask = (signal: AbortSignal): Promise<Discovery> =>
      discover({ ...cloud, code: code.current, signal });
    looking.current = new Looking({ look: ask, onChange: setLook });
    looking.current.start();
    return () => looking.current?.stop();
  }, [cloud]);

  const showByCode = async (typed: string): Promise<void> => {
    const { boxes } = await discover({ ...cloud, code: typed });
    setUnknownCode(boxes.length === 0);
    // Only a code that names a box is asked with again: wrong ones are counted.
    code.current = boxes.length === 0 ? undefined : typed;
    looking.current?.now();
  };

  const { found, problem } = look;
  const boxes = found?.boxes ?? [];
  const shared = found?.sharedAddress === true;
  return (
    <>
      <PageHeading focus={focus}>{t.find.title}</PageHeading>
      <LookProblem problem={problem} />
      <div role="status" class="stack">
        {found === undefined && problem === undefined && <Waiting>{t.find.looking}</Waiting>}
        {boxes.length === 1 && <p>{t.find.one}</p>}
        {boxes.length > 1 && <p>{t.find.several(boxes.length)}</p>}
        {found !== undefined && boxes.length === 0 && !shared && (
          <p>
            <strong>{t.find.none}</strong>
          </p>
        )}
      </div>
      <FoundBoxes boxes={boxes} />
      {shared && <ShortCode onCode={showByCode} unknown={unknownCode} />}
      {found !== undefined && boxes.length === 0 && !shared && <Checks />}
      {boxes.length === 0 && !shared && (
        <p class="actions">
          <Button onClick={() => looking.current?.now()}>{t.find.again}</Button>
        </p>
      )}
    </>
  );
}

function LookProblem({ problem }: { problem: unknown }): JSX.Element | null {
  const t = useAppText().find;
  if (problem === undefined) return null;
  if (codeOf(problem) !== 'unreachable') return <AppProblem problem={problem} />;
  return <Notice tone="warning">{navigator.onLine ? t.unreachable : t.offline}</Notice>;
}

function Checks(): JSX.Element {
  const t = useAppText().find;
  return (
    <div class="stack">
      <p>{t.check}</p>
      <ol class="checks">
        {t.checks.map((check) => (
          <li key={check}>{check}</li>
        ))}
      </ol>
      <p class="soft">{t.keepsLooking}</p>
    </div>
  );
}

function ShortCode({
  onCode,
  unknown,
}: {
  onCode: (code: string) => Promise<void>;
  unknown: boolean;
}): JSX.Element {
  const t = useAppText().shared;
  return (
    <section class="stack">
      <h2>{t.title}</h2>
      <p>{t.why}</p>
      <Form submit={t.submit} onSubmit={({ code = '' }) => onCode(code)} fieldOf={{ 'rate-limited': 'code' }}>
        <TextField name="code" label={t.code} hint={t.where} maxLength={20} autocomplete="off" verbatim />
        {unknown && <Notice tone="warning">{t.unknown}</Notice>}
      </Form>
    </section>
  );
}
