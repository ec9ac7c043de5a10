import { relativeTime } from '../../kit/runtime/relative-time.ts';
import { wrapped } from '../../kit/runtime/wrapped.ts';
import type { ControlSession } from '../../protocol/control-api.ts';

/** So much of an id tells two apart, and can be typed. */
export const shortId = (id: string): string => id.slice(0, 8);

/**
 * Sessions as people read them: below the person they are of, each below the one that it hangs from. Children stand behind
 * their parent, as the box lists them; one whose parent is not there stands at the top. No colours, no line over 80 columns.
 */
export function sessionTree(sessions: readonly ControlSession[], now: number): string {
  const known = new Set(sessions.map(({ id }) => id));
  const top = sessions.filter(({ parentId }) => parentId === null || !known.has(parentId));
  const people = Map.groupBy(top, ({ person }) => person ?? 'nobody');
  const drawn = [...people].map(([person, roots]) => `${person}\n${branches(roots, sessions, '', now)}`);
  return drawn.join('\n');
}

function branches(
  siblings: readonly ControlSession[],
  all: readonly ControlSession[],
  indent: string,
  now: number,
): string {
  return siblings
    .map((session, index) => {
      const last = index === siblings.length - 1;
      const inner = `${indent}${last ? '   ' : '│  '}`;
      const below = all.filter(({ parentId }) => parentId === session.id);
      const details = `${inner}${below.length > 0 ? '│' : ' '} `;
      const { id, kind, label } = session;
      const head = wrapped(
        `${shortId(id)}  ${kind.padEnd(8)}  ${label}`,
        details,
        `${indent}${last ? '└─ ' : '├─ '}`,
      );
      return `${head}\n${wrapped(use(session, now), details)}\n${branches(below, all, inner, now)}`;
    })
    .join('');
}

function use({ lastSeenAt, lastAddress, expiresAt }: ControlSession, now: number): string {
  const from = lastAddress === null ? '' : ` from ${lastAddress}`;
  const until = expiresAt === null ? '' : `, ends ${relativeTime(expiresAt, now, 'en')} if not used`;
  return `seen ${relativeTime(lastSeenAt, now, 'en')}${from}${until}`;
}
