import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { OtherAccessItem } from '../../../protocol/account-api.ts';
import { Button } from '../../shared/controls.tsx';
import type { FormValues } from '../../shared/form.tsx';
import { relativeTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { useConsoleText } from '../../shared/text/console.ts';

const prefix = 'keep:';

/** The ids that were ticked, of a form with `KeepFields`. */
export function keptIn(values: FormValues): string[] {
  return Object.keys(values).flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
}

/** What else lets somebody in, each ending with this form unless it is ticked. */
export function KeepFields({ items }: { items: readonly OtherAccessItem[] }): JSX.Element {
  const { otherAccess: t, sessions } = useConsoleText();
  const locale = useLocale();
  const [all, setAll] = useState(0);
  if (items.length === 0) return <p class="soft">{t.none}</p>;
  const kinds = { ...sessions.kinds, ...t.kinds };
  return (
    <fieldset class="choices">
      <legend>{t.title}</legend>
      <p class="soft">{t.intro}</p>
      {items.map(({ id, kind, label, at }) => (
        <label key={`${id} ${all}`}>
          <input type="checkbox" name={`${prefix}${id}`} defaultChecked={all > 0} />
          <span>
            {t.keep(label === '' ? kinds[kind] : label)}
            <small class="hint">
              {[
                ...(label === '' ? [] : [kinds[kind]]),
                ...(at === null ? [] : [t.at(relativeTime(at, Date.now(), locale))]),
              ].join(' · ')}
            </small>
          </span>
        </label>
      ))}
      {items.length > 1 && <Button onClick={() => setAll(all + 1)}>{t.keepAll}</Button>}
    </fieldset>
  );
}
