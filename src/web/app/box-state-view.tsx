import type { JSX } from 'preact';
import { Notice } from '../shared/notice.tsx';
import type { BoxState } from './box-state.ts';
import { useAppText } from './text/app.ts';

/** How the box is, in a few lines, and where its own page and its services are. */
export function BoxStateView({ state }: { state: BoxState }): JSX.Element {
  const t = useAppText().box;
  const { troubles, certificateDays, services, consoleUrl } = state;
  const tunnel = { on: t.tunnelOn, off: t.tunnelOff, waits: t.tunnelWaits }[state.tunnel];
  return (
    <>
      <section class="stack">
        <h2>{t.state}</h2>
        {troubles.length === 0 && <Notice tone="good">{t.allWell}</Notice>}
        {troubles.map(({ name, severity, message, remedy }) => (
          <Notice key={name} tone={severity}>
            <p lang="en">{message}</p>
            {remedy !== undefined && (
              <p>
                {t.remedy} <span lang="en">{remedy}</span>
              </p>
            )}
          </Notice>
        ))}
        <ul role="list" class="soft">
          {certificateDays !== undefined && <li>{t.certificate(certificateDays)}</li>}
          <li>{tunnel}</li>
        </ul>
      </section>
      <section class="stack">
        <h2>{t.services}</h2>
        {services.length === 0 && <p class="soft">{t.noServices}</p>}
        <ul role="list" class="services">
          {services.map(({ label, url }) => (
            <li key={url}>
              <a class="button" href={url} rel="noreferrer">
                {label}
              </a>
            </li>
          ))}
        </ul>
      </section>
      {consoleUrl !== undefined && (
        <p>
          <a href={consoleUrl} rel="noreferrer">
            {t.console}
          </a>
        </p>
      )}
    </>
  );
}
