import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { AppList } from '../../../protocol/access-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button } from '../../shared/controls.tsx';
import { Form, type FormValues, TextField } from '../../shared/form.tsx';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useVisit } from '../visit.ts';

type App = AppList['apps'][number];

export function Apps(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const [removing, setRemoving] = useState<App>();
  const loaded = useLoaded((signal) => api<AppList>('/api/apps', { signal }));
  const apps = loaded.value?.apps ?? [];
  /** On the list as it is now: what another owner has put there since it was drawn would be cut off by an older one. */
  const change = async (changed: (apps: readonly App[]) => readonly App[]): Promise<void> => {
    const now = await api<AppList>('/api/apps');
    await api('/api/apps', { method: 'PUT', body: { apps: changed(now.apps) } });
    loaded.again();
  };
  return (
    <>
      <PageHeading>{t.apps.title}</PageHeading>
      <p class="soft">{t.apps.intro}</p>
      <LoadedView loaded={loaded}>
        {() => (
          <>
            <Card>
              {apps.length === 0 ? (
                <p>{t.apps.none}</p>
              ) : (
                <ul role="list" class="rows">
                  {apps.map((app) => (
                    <AppRow key={app.clientId} app={app} onRemove={setRemoving} />
                  ))}
                </ul>
              )}
            </Card>
            <AddApp onAdd={(app) => change((known) => withApp(known, app, t.apps.known))} />
          </>
        )}
      </LoadedView>
      {removing !== undefined && (
        <Confirm
          title={t.apps.removeTitle(removing.name)}
          action={t.apps.remove}
          onConfirm={() => change((known) => known.filter((app) => app.clientId !== removing.clientId))}
          onClose={() => setRemoving(undefined)}
        >
          <p>{t.apps.removeText}</p>
        </Confirm>
      )}
    </>
  );
}

function AppRow({ app, onRemove }: { app: App; onRemove: (app: App) => void }): JSX.Element {
  const t = useConsoleText();
  return (
    <li class="item">
      <div>
        <p>
          <strong>{app.name}</strong>
        </p>
        <dl class="facts">
          <div>
            <dt>{t.apps.clientId}</dt>
            <dd class="code">{app.clientId}</dd>
          </div>
          <div>
            <dt>{t.apps.redirectUris}</dt>
            {app.redirectUris.map((uri) => (
              <dd key={uri} class="code">
                {uri}
              </dd>
            ))}
          </div>
        </dl>
      </div>
      <Button aria-label={t.apps.removeName(app.name)} onClick={() => onRemove(app)}>
        {t.apps.remove}
      </Button>
    </li>
  );
}

/** Throws `app-known`, with the words for it. */
function withApp(apps: readonly App[], app: App, known: string): readonly App[] {
  if (apps.some(({ clientId }) => clientId === app.clientId)) throw new Problem('app-known', known);
  return [...apps, app];
}

function AddApp({ onAdd }: { onAdd: (app: App) => Promise<void> }): JSX.Element {
  const t = useConsoleText();
  const [added, setAdded] = useState(0);
  const add = async ({ name = '', clientId = '', redirectUris = '' }: FormValues): Promise<void> => {
    await onAdd({
      name: name.trim(),
      clientId: clientId.trim(),
      redirectUris: redirectUris.trim().split(/\s+/),
    });
    setAdded(added + 1);
  };
  return (
    <Card title={t.apps.add}>
      <Form
        key={added}
        onSubmit={add}
        submit={t.apps.addSubmit}
        fieldOf={{ 'app-known': 'clientId', 'redirect-malformed': 'redirectUris' }}
      >
        <TextField name="name" label={t.apps.name} autocomplete="off" maxLength={accessLimits.nameMax} />
        <TextField
          name="clientId"
          label={t.apps.clientId}
          hint={t.apps.clientIdHint}
          autocomplete="off"
          maxLength={200}
          verbatim
        />
        <TextField
          name="redirectUris"
          label={t.apps.redirectUris}
          hint={t.apps.redirectUrisHint}
          autocomplete="off"
          verbatim
        />
      </Form>
    </Card>
  );
}
