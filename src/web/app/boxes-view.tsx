import type { JSX } from 'preact';
import { shortId } from '../../protocol/constants.ts';
import { PageHeading } from '../shared/layout.tsx';
import { LoadedView } from '../shared/notice.tsx';
import { useLoaded } from '../shared/loading.ts';
import { useApp } from './context.ts';
import { hrefTo } from './route.ts';
import { useAppText } from './text/app.ts';

/** The boxes this browser knows. */
export function BoxesView({ focus }: { focus: boolean }): JSX.Element {
  const { boxes } = useApp();
  const t = useAppText().boxes;
  const loaded = useLoaded(() => boxes.list());
  return (
    <>
      <PageHeading focus={focus}>{t.title}</PageHeading>
      <LoadedView loaded={loaded}>
        {(list) => (
          <>
            {list.length === 0 && <p>{t.none}</p>}
            <ul role="list" class="boxes">
              {list.map((box) => (
                <li key={box.id} class="box">
                  <a class="name" href={hrefTo({ name: 'box', id: box.id })}>
                    {box.name}
                  </a>
                  <p class="soft">
                    <span class="code">{shortId(box.id)}</span>
                    {box.tokens === null && ` · ${t.signedOut}`}
                  </p>
                </li>
              ))}
            </ul>
          </>
        )}
      </LoadedView>
    </>
  );
}
