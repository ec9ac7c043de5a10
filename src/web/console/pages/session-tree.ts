import type { SessionNode } from '../../../protocol/access-api.ts';

export interface Branch {
  session: SessionNode;
  children: readonly Branch[];
}

/** The tree of a flat list. What has a parent that is not in the list (not the person's own) stands at the top. */
export function sessionTree(sessions: readonly SessionNode[]): Branch[] {
  const ids = new Set(sessions.map(({ id }) => id));
  const below = (parentId: string | null): Branch[] =>
    sessions
      .filter((session) => (parentId === null ? isTop(session) : session.parentId === parentId))
      .toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)
      .map((session) => ({ session, children: below(session.id) }));
  const isTop = ({ parentId }: SessionNode): boolean => parentId === null || !ids.has(parentId);
  return below(null);
}

/**
 * The trees of each person, in the order of `people`; behind them those of nobody, who act for no person yet. People without a
 * session are left out.
 */
export function byPerson(
  sessions: readonly SessionNode[],
  people: readonly { id: string; name: string }[],
): { id: string; name: string | undefined; tree: Branch[] }[] {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  const groups = Map.groupBy(sessions, ({ personId }) =>
    personId !== null && names.has(personId) ? personId : '',
  );
  return [...names.keys(), ''].flatMap((id) => {
    const own = groups.get(id);
    return own === undefined ? [] : [{ id, name: names.get(id), tree: sessionTree(own) }];
  });
}

/** How many sessions end with this one, itself not counted. */
export function countBelow({ children }: Branch): number {
  return children.reduce((sum, child) => sum + 1 + countBelow(child), 0);
}

/** The session in use ends with this branch. */
export function holdsCurrent({ session, children }: Branch): boolean {
  return session.current || children.some(holdsCurrent);
}
