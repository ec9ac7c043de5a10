import { randomUUID } from 'node:crypto';
import type { AccessStore } from '../../sessions/store.ts';

const setting = 'server-id';

/** Made at the first start and kept with the sessions: clients that know one know the other (UUID v4, RFC 9562). */
export function serverIdIn(store: AccessStore): string {
  return store.transaction(() => {
    const row = store.get('SELECT value FROM setting WHERE name = :setting', { setting });
    if (row !== undefined) return String(row['value']);
    const value = randomUUID();
    store.run('INSERT INTO setting VALUES (:setting, :value)', { setting, value });
    return value;
  });
}
