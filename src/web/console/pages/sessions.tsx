import type { JSX } from 'preact';
import type { PersonView, SessionNode } from '../../../protocol/access-api.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';
import { SessionList } from './session-list.tsx';
import { byPerson } from './session-tree.ts';

/** Below each person what is signed in as them; a member sees their own. */
export function Sessions(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const { person } = useSession();
  const loaded = useLoaded(async (signal) => {
    const [{ sessions }, { people }] = await Promise.all([
      api<{ sessions: SessionNode[] }>('/api/sessions', { signal }),
      person?.role === 'owner' ? api<{ people: PersonView[] }>('/api/people', { signal }) : { people: [] },
    ]);
    return { groups: byPerson(sessions, person === null ? people : [person, ...people]), now: Date.now() };
  });
  return (
    <>
      <PageHeading>{t.sessions.title}</PageHeading>
      <p class="soft">{t.sessions.intro}</p>
      <LoadedView loaded={loaded}>
        {({ groups, now }) =>
          groups.length === 0 ? (
            <Card>
              <p>{t.sessions.none}</p>
            </Card>
          ) : (
            groups.map(({ id, name, tree }) => (
              <Card key={id} title={name ?? t.sessions.nobodys}>
                <SessionList tree={tree} now={now} onEnded={loaded.again} />
              </Card>
            ))
          )
        }
      </LoadedView>
    </>
  );
}
