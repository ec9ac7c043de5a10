import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SettingsView } from '../../../protocol/access-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Choices, Form, type FormValues, TextField } from '../../shared/form.tsx';
import { clockTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, LanguageSwitch, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { Done, LoadedView, Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSharedText } from '../../shared/text/shared.ts';
import { useSession, useVisit } from '../visit.ts';
import { settingsOf } from './settings-form.ts';

export function Settings(): JSX.Element {
  const t = useConsoleText();
  const shared = useSharedText();
  const { api } = useVisit();
  const loaded = useLoaded((signal) => api<SettingsView>('/api/settings', { signal }));
  return (
    <>
      <PageHeading>{t.settings.title}</PageHeading>
      <LoadedView loaded={loaded}>
        {(settings) => <BoxSettings settings={settings} onSaved={loaded.set} />}
      </LoadedView>
      <Card title={shared.language}>
        <p class="soft">{t.settings.languageHint}</p>
        <p>
          <LanguageSwitch />
        </p>
      </Card>
    </>
  );
}

function BoxSettings({
  settings,
  onSaved,
}: {
  settings: SettingsView;
  onSaved: (settings: SettingsView) => void;
}): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { api, refresh } = useVisit();
  const { through } = useSession();
  const [saved, setSaved] = useState(false);
  const { discovery } = settings;
  const window = typeof discovery === 'object' ? discovery.until : undefined;

  const save = async (values: FormValues): Promise<void> => {
    setSaved(false);
    const body = settingsOf(values);
    onSaved(await api<SettingsView>('/api/settings', { method: 'PUT', body }));
    setSaved(true);
    await refresh();
  };
  return (
    <Card>
      <Form onSubmit={save} submit={t.settings.submit}>
        <TextField
          name="name"
          label={t.settings.name}
          hint={t.settings.nameHint}
          value={settings.name}
          autocomplete="off"
          maxLength={accessLimits.nameMax}
        />
        <Choices
          name="discovery"
          legend={t.settings.discovery}
          value={typeof discovery === 'string' ? discovery : 'window'}
          choices={[
            { value: 'always', label: t.settings.always, hint: t.settings.alwaysHint },
            {
              value: 'window',
              label: t.settings.window,
              hint:
                window === undefined
                  ? t.settings.windowHint
                  : t.settings.windowUntil(clockTime(window, locale)),
            },
            { value: 'off', label: t.settings.off, hint: t.settings.offHint },
          ]}
        />
        <Choices
          name="tunnel"
          legend={t.settings.tunnel}
          value={settings.tunnel ? 'on' : 'off'}
          choices={[
            { value: 'on', label: t.settings.tunnelOn, hint: t.settings.tunnelOnHint },
            { value: 'off', label: t.settings.tunnelOff, hint: t.settings.tunnelOffHint },
          ]}
        />
        {through === 'tunnel' && settings.tunnel && (
          <Notice tone="warning">{t.settings.tunnelWarning}</Notice>
        )}
      </Form>
      <Done>{saved ? t.settings.saved : undefined}</Done>
    </Card>
  );
}
