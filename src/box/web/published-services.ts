import { Problem } from '../../kit/errors.ts';
import { isServiceLabel } from '../../protocol/names.ts';

/** A local service that the box publishes under its certificate, as `https://<label>.<zone>`. */
export interface PublishedService {
  label: string;
  /** `http://127.0.0.1:8080` */
  target: string;
}

/** What the other ways in are called where all URLs of the box stand side by side (`porchlight status --json`). */
const waysInByName = new Set(['main', 'mirror', 'mirrors', 'tunnel', 'local', 'address']);

/** The services that the setting `web.services` names. Throws `bad-config` for a label that means something else already. */
export function publishedServices(setting: Readonly<Record<string, string>>): PublishedService[] {
  return Object.entries(setting).map(([label, target]) => {
    if (!isServiceLabel(label) || waysInByName.has(label)) {
      throw new Problem(
        'bad-config',
        `web.services: “${label}” cannot be the name of a service: it has a meaning of its own below the zone, or has more than 40 characters; choose another`,
        { retryable: false, details: { key: 'web.services', label } },
      );
    }
    return { label, target };
  });
}
