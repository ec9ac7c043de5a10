import type { Audit } from './audit.ts';
import type { People } from './people.ts';
import type { Session, SessionRecord } from './sessions.ts';

/** Writes down each session that is made or ends, by whichever way, in the transaction that makes or ends it. */
export function sessionRecord(parts: { people: People; audit: Audit }): SessionRecord {
  const { people, audit } = parts;
  const nameOf = ({ personId, label }: Session): string =>
    (personId === null ? undefined : people.byId(personId)?.name) ?? label;
  return {
    made: (session) =>
      audit.record({
        action: session.kind === 'login' ? 'logged-in' : 'session-made',
        who: nameOf(session),
        what: session.label,
        address: session.lastAddress,
        byStranger: isStrangers(session),
      }),
    ended: (ids, top, ending) => {
      const { action = 'session-ended', who = '', address = null, byItself = who === '' } = ending;
      const below = ids.length > 1 ? ` (+${ids.length - 1})` : '';
      const byStranger = byItself && isStrangers(top);
      audit.record({ action, who, what: `${top.label}${below}`, address, byStranger });
    },
  };
}

/** App instances let themselves in, as nobody's, and the oldest go for the next. */
const isStrangers = ({ personId }: Session): boolean => personId === null;
