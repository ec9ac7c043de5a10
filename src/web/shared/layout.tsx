import type { ComponentChildren, JSX } from 'preact';
import { useContext, useEffect, useId, useRef } from 'preact/hooks';
import { type Language, languages, setLanguage, useLanguage } from './language.ts';
import { PageNotice } from './page-notice.ts';
import { useSharedText } from './text/shared.ts';

/** A lantern: the product's sign. */
export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="iron" d="M16 1.5v3M9 9.5 16 4l7 5.5M8 10h16M10 26h12M13 29.5h6" />
      <path class="glass" d="M10.5 11h11L23 25H9z" />
      <path class="flame" d="M16 13.5c2.6 3 3.4 4.6 3.4 6.2a3.4 3.4 0 0 1-6.8 0c0-1.6.8-3.2 3.4-6.2z" />
    </svg>
  );
}

/** Moves focus past the navigation. A button, because fragments are routes here. */
export function SkipLink({ target }: { target: string }): JSX.Element {
  const t = useSharedText();
  return (
    <button type="button" class="skip" onClick={() => document.getElementById(target)?.focus()}>
      {t.skip}
    </button>
  );
}

export function LanguageSwitch(): JSX.Element {
  const t = useSharedText();
  const current = useLanguage();
  const id = useId();
  return (
    <span class="language">
      <label class="hidden" for={id}>
        {t.language}
      </label>
      <select
        id={id}
        value={current}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(languages).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}

let headings = 0;

/**
 * The heading of a page, which is also the title of the document. Every one after the first takes the focus when it
 * appears, so that a screen reader says where the person has come to; `focus` decides otherwise.
 */
export function PageHeading({ children, focus }: { children: string; focus?: boolean }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children} · Porchlight`;
  }, [children]);
  useEffect(() => {
    const later = headings++ > 0;
    if (focus ?? later) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** A page of one thing to do: the sign, the content, the choice of language. */
export function NarrowPage({ children }: { children: ComponentChildren }): JSX.Element {
  const t = useSharedText();
  const notice = useContext(PageNotice);
  return (
    <div class="narrow">
      <header class="brand">
        <Logo />
        <span>{t.product}</span>
      </header>
      {notice}
      <main class="card">{children}</main>
      <footer>
        <LanguageSwitch />
      </footer>
    </div>
  );
}

export function Card({ title, children }: { title?: string; children: ComponentChildren }): JSX.Element {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && <h2 id={id}>{title}</h2>}
      {children}
    </section>
  );
}
