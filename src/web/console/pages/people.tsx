import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { InviteRequest, PersonView, SessionNode } from '../../../protocol/access-api.ts';
import { accessLimits } from '../../../protocol/constants.ts';
import { Confirm } from '../../shared/confirm.tsx';
import { Button, CopyButton } from '../../shared/controls.tsx';
import { Choices, Form, type FormValues, TextField } from '../../shared/form.tsx';
import { dateTime } from '../../shared/format.ts';
import { useLocale } from '../../shared/language.ts';
import { Card, PageHeading } from '../../shared/layout.tsx';
import { useLoaded } from '../../shared/loading.ts';
import { LoadedView, Notice } from '../../shared/notice.tsx';
import { useConsoleText } from '../../shared/text/console.ts';
import { useSession, useVisit } from '../visit.ts';
import { SessionList } from './session-list.tsx';
import { type Branch, byPerson, countBelow } from './session-tree.ts';

interface Invitation {
  name: string;
  inviteCode: string;
  expiresAt: number;
}

export function People(): JSX.Element {
  const t = useConsoleText();
  const { api } = useVisit();
  const [removing, setRemoving] = useState<PersonView>();
  const loaded = useLoaded(async (signal) => {
    const [{ people }, { sessions }] = await Promise.all([
      api<{ people: PersonView[] }>('/api/people', { signal }),
      api<{ sessions: SessionNode[] }>('/api/sessions', { signal }),
    ]);
    return { people, groups: byPerson(sessions, people), now: Date.now() };
  });
  const remove = async (person: PersonView): Promise<void> => {
    await api(`/api/people/${encodeURIComponent(person.id)}`, { method: 'DELETE' });
    loaded.again();
  };
  return (
    <>
      <PageHeading>{t.people.title}</PageHeading>
      <p class="soft">{t.people.intro}</p>
      <LoadedView loaded={loaded}>
        {({ people, groups, now }) => (
          <Card>
            <ul role="list" class="rows">
              {people.map((person) => (
                <li key={person.id} class="stacked">
                  <Person person={person} onRemove={setRemoving} />
                  <TheirSessions
                    tree={groups.find(({ id }) => id === person.id)?.tree ?? []}
                    now={now}
                    onEnded={loaded.again}
                  />
                </li>
              ))}
            </ul>
          </Card>
        )}
      </LoadedView>
      <Invite onInvited={loaded.again} />
      {removing !== undefined && (
        <Confirm
          title={t.people.removeTitle(removing.name)}
          action={t.people.remove}
          onConfirm={() => remove(removing)}
          onClose={() => setRemoving(undefined)}
        >
          <p>{t.people.removeText}</p>
        </Confirm>
      )}
    </>
  );
}

function Person({
  person,
  onRemove,
}: {
  person: PersonView;
  onRemove: (person: PersonView) => void;
}): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const you = useSession().person?.id === person.id;
  const { name, role, invited, createdAt } = person;
  const state = invited ? t.people.invited : t.people.since(dateTime(createdAt, locale));
  return (
    <div class="item">
      <div>
        <p>
          <strong>{name}</strong> {you && <span class="tag">{t.people.you}</span>}
        </p>
        <p class="soft">
          {t.people[role]} · {state}
        </p>
      </div>
      {!you && (
        <Button aria-label={t.people.removeName(name)} onClick={() => onRemove(person)}>
          {t.people.remove}
        </Button>
      )}
    </div>
  );
}

/** Folded up: a list of people is short, and stays so. */
function TheirSessions({
  tree,
  now,
  onEnded,
}: {
  tree: readonly Branch[];
  now: number;
  onEnded: () => void;
}): JSX.Element | null {
  const t = useConsoleText();
  if (tree.length === 0) return null;
  const count = tree.reduce((sum, branch) => sum + 1 + countBelow(branch), 0);
  return (
    <details>
      <summary>{t.people.sessions(count)}</summary>
      <SessionList tree={tree} now={now} onEnded={onEnded} />
    </details>
  );
}

function Invite({ onInvited }: { onInvited: () => void }): JSX.Element {
  const t = useConsoleText();
  const locale = useLocale();
  const { api } = useVisit();
  const [invitation, setInvitation] = useState<Invitation>();
  const invite = async ({ name = '', role }: FormValues): Promise<void> => {
    const body: InviteRequest = { name: name.trim(), role: role === 'owner' ? 'owner' : 'member' };
    const made = await api<Omit<Invitation, 'name'>>('/api/people', { method: 'POST', body });
    setInvitation({ ...made, name: body.name });
    onInvited();
  };
  return (
    <Card title={t.people.inviteTitle}>
      {invitation !== undefined && (
        <Notice tone="good">
          <h3>{t.people.codeTitle(invitation.name)}</h3>
          <p>{t.people.codeText(dateTime(invitation.expiresAt, locale))}</p>
          <p class="secret">
            <code>{invitation.inviteCode}</code>
          </p>
          <p>
            <CopyButton text={invitation.inviteCode} />
          </p>
        </Notice>
      )}
      {/* A new form after each invitation: its fields are empty again. */}
      <Form
        key={invitation?.inviteCode}
        onSubmit={invite}
        submit={t.people.invite}
        fieldOf={{ 'name-taken': 'name' }}
      >
        <TextField name="name" label={t.people.name} autocomplete="off" maxLength={accessLimits.nameMax} />
        <Choices
          name="role"
          legend={t.people.role}
          value="member"
          choices={[
            { value: 'member', label: t.people.member, hint: t.people.memberHint },
            { value: 'owner', label: t.people.owner, hint: t.people.ownerHint },
          ]}
        />
      </Form>
    </Card>
  );
}
