import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type {
  BackupRequest,
  BackupView,
  ResetRequest,
  RestoreRequest,
  RestoreView,
} from '../../../protocol/access-api.ts';
import { Choices, FileField, Form, type FormValues, PasswordField } from '../../shared/form.tsx';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { Done, Waiting } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';
import { base64Of, download } from './backup-file.ts';

/** Where the box will be when it has started over; absent: at a name that nobody knows yet. */
type NewStart = { origin?: string };

/** A slow box thinks about a passphrase for seconds, and a slow line brings a backup in a minute. */
const timeoutMs = 120_000;
/** A wrong passphrase is told beside its field. */
const fieldOf = {
  'wrong-passphrase': 'passphrase',
  'passphrase-refused': 'passphrase',
};

export function Backup(): JSX.Element {
  const { backup: t } = useConsoleText();
  const [newStart, setNewStart] = useState<NewStart>();
  return (
    <>
      <PageHeading>{t.title}</PageHeading>
      {newStart === undefined ? (
        <>
          <p class="soft">{t.intro}</p>
          <Make />
          <Restore onDone={setNewStart} />
          <Reset onDone={setNewStart} />
        </>
      ) : (
        <StartingOver newStart={newStart} />
      )}
    </>
  );
}

function Make(): JSX.Element {
  const { backup: t } = useConsoleText();
  const { api } = useVisit();
  const { boxName } = useSession();
  const [made, setMade] = useState(0);
  const make = async ({ passphrase = '' }: FormValues): Promise<void> => {
    const body: BackupRequest = { passphrase };
    const { backup } = await api<BackupView>('/api/backup', { method: 'POST', body, timeoutMs });
    download(`${boxName} ${new Date().toISOString().slice(0, 10)}.backup`, backup);
    setMade(made + 1);
  };
  return (
    <Card title={t.makeTitle}>
      <p class="soft">{t.makeIntro}</p>
      <Done>{made > 0 ? t.made : undefined}</Done>
      <Form key={made} onSubmit={make} submit={t.make} fieldOf={fieldOf}>
        <Passphrase hint={t.passphraseHint} autocomplete="new-password" />
      </Form>
    </Card>
  );
}

function Restore({ onDone }: { onDone: (newStart: NewStart) => void }): JSX.Element {
  const { backup: t } = useConsoleText();
  const { api } = useVisit();
  const { boxId } = useSession();
  const [chosen, setChosen] = useState<File>();
  const restore = async ({ passphrase = '' }: FormValues): Promise<void> => {
    if (chosen === undefined) return;
    await api('/api/proof');
    const body: RestoreRequest = { passphrase, backup: await base64Of(chosen) };
    const restored = await api<RestoreView>('/api/restore', { method: 'POST', body, timeoutMs });
    onDone(restored.boxId === boxId ? { origin: location.origin } : restored);
  };
  return (
    <Card title={t.restoreTitle}>
      <p class="soft">{t.restoreIntro}</p>
      <Form onSubmit={restore} submit={t.restore} submitKind="danger" fieldOf={fieldOf}>
        <FileField name="file" label={t.file} accept=".backup" onChoose={setChosen} />
        <Passphrase autocomplete="off" />
      </Form>
    </Card>
  );
}

function Reset({ onDone }: { onDone: (newStart: NewStart) => void }): JSX.Element {
  const { backup: t } = useConsoleText();
  const { api } = useVisit();
  const reset = async ({ identity }: FormValues): Promise<void> => {
    const body: ResetRequest = { forgetIdentity: identity === 'forget' };
    await api('/api/reset', { method: 'POST', body });
    onDone(body.forgetIdentity ? {} : { origin: location.origin });
  };
  return (
    <Card title={t.resetTitle}>
      <p class="soft">{t.resetIntro}</p>
      <Form onSubmit={reset} submit={t.reset} submitKind="danger">
        <Choices
          name="identity"
          legend={t.identity}
          value="keep"
          choices={[
            { value: 'keep', label: t.keep, hint: t.keepHint },
            { value: 'forget', label: t.forget, hint: t.forgetHint },
          ]}
        />
      </Form>
    </Card>
  );
}

function Passphrase({ hint, autocomplete }: { hint?: string; autocomplete: string }): JSX.Element {
  const { backup: t } = useConsoleText();
  const more = hint === undefined ? {} : { hint };
  return <PasswordField name="passphrase" label={t.passphrase} autocomplete={autocomplete} {...more} />;
}

/** Asks for the box until it is back; whoever it then shows, it is not this page. */
function StartingOver({ newStart: { origin } }: { newStart: NewStart }): JSX.Element {
  const { backup: t } = useConsoleText();
  const { refresh } = useVisit();
  useEffect(() => {
    const timer = setInterval(() => void refresh(), 2000);
    return () => clearInterval(timer);
  }, [refresh]);
  const where: ComponentChildren =
    origin === undefined ? (
      <p>{t.newName}</p>
    ) : (
      <p>
        {t.soonAt} <a href={`${origin}/`}>{origin}</a>
      </p>
    );
  return (
    <Card>
      <Waiting>{t.startingOver}</Waiting>
      {where}
    </Card>
  );
}
