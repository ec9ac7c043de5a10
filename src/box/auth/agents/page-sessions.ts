import type { Clock } from '../../../kit/runtime/clock.ts';
import { agentLimits } from '../../../protocol/constants.ts';
import type { NewSession, Session, Sessions } from '../../sessions/sessions.ts';
import type { AccessStore } from '../../sessions/store.ts';

export interface PageSessionsOptions {
  store: AccessStore;
  sessions: Sessions;
  clock: Clock;
}

/** The sessions of pages, each below the one of the agent that signed it in. */
export class PageSessions {
  readonly #options: PageSessionsOptions;

  constructor(options: PageSessionsOptions) {
    this.#options = options;
  }

  /** One for each device and app: what was there before ends, and the oldest when there are too many. */
  create(
    agent: Session,
    deviceId: string,
    page: Omit<NewSession, 'parentId' | 'personId' | 'kind'>,
  ): Session {
    const { store, sessions } = this.#options;
    for (const id of this.#superseded(agent, deviceId, page.clientId ?? null)) sessions.end(id);
    return store.transaction(() => {
      const { id: parentId, personId } = agent;
      const session = sessions.create({ ...page, parentId, personId, kind: 'page' });
      const { id } = session;
      store.run('INSERT INTO page VALUES (:id, :deviceId)', { id, deviceId });
      return session;
    });
  }

  #superseded(agent: Session, deviceId: string, clientId: string | null): string[] {
    const rows = this.#options.store.all(
      `SELECT id, device_id = :deviceId AND client_id IS :clientId AS same FROM session
       JOIN page ON page.session_id = session.id WHERE parent_id = :agent ORDER BY created_at DESC, id`,
      { agent: agent.id, deviceId, clientId },
    );
    const others = rows.filter(({ same }) => same !== 1);
    const tooMany = others.slice(agentLimits.pages - 1);
    return [...rows.filter(({ same }) => same === 1), ...tooMany].map(({ id }) => String(id));
  }
}
