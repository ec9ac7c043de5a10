import type { FunctionComponent, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../shared/controls.tsx';
import { Form } from '../shared/form.tsx';
import { LanguageSwitch, Logo, SkipLink } from '../shared/layout.tsx';
import { hrefOf, useRoute } from '../shared/router.ts';
import { useConsoleText } from '../shared/text/console.ts';
import { About } from './pages/about.tsx';
import { Account } from './pages/account.tsx';
import { Approvals } from './pages/approvals.tsx';
import { Apps } from './pages/apps.tsx';
import { Audit } from './pages/audit.tsx';
import { Backup } from './pages/backup.tsx';
import { Home } from './pages/home.tsx';
import { Logs } from './pages/logs.tsx';
import { People } from './pages/people.tsx';
import { Services } from './pages/services.tsx';
import { Sessions } from './pages/sessions.tsx';
import { Settings } from './pages/settings.tsx';
import { Updates } from './pages/updates.tsx';
import { type PageName, pagesFor } from './page-names.ts';
import { Questions } from './questions.tsx';
import { StorageNotice } from './storage-notice.tsx';
import { useSession, useVisit } from './visit.ts';

const pages: Record<PageName, FunctionComponent> = {
  home: Home,
  services: Services,
  sessions: Sessions,
  approvals: Approvals,
  people: People,
  apps: Apps,
  settings: Settings,
  updates: Updates,
  backup: Backup,
  audit: Audit,
  logs: Logs,
  account: Account,
  about: About,
};

/** What stands around every page of those who are signed in. */
export function Frame(): JSX.Element {
  const t = useConsoleText();
  const { signOut } = useVisit();
  const { boxName, person } = useSession();
  const names = pagesFor(person?.role ?? '');
  const route = useRoute(names) ?? 'home';
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [route]);
  const Shown = pages[route];

  return (
    <div class="frame">
      <SkipLink target="content" />
      <header class="bar">
        <a class="brand" href={hrefOf('home')}>
          <Logo />
          <span>{boxName}</span>
        </a>
        <span class="menu">
          <Button aria-expanded={open} aria-controls="pages" onClick={() => setOpen(!open)}>
            {t.nav.menu}
          </Button>
        </span>
      </header>
      <div class={open ? 'side open' : 'side'} id="pages">
        <nav aria-label={t.nav.label}>
          <ul role="list">
            {names.map((name) => (
              <li key={name}>
                <a
                  href={hrefOf(name)}
                  aria-current={name === route ? 'page' : undefined}
                  onClick={() => setOpen(false)}
                >
                  {t.nav[name]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <footer class="leave">
          <Form onSubmit={signOut} submit={t.nav.signOut} submitKind="plain" />
          <LanguageSwitch />
        </footer>
      </div>
      <main id="content" tabIndex={-1}>
        <StorageNotice />
        <Questions />
        <Shown />
      </main>
    </div>
  );
}
