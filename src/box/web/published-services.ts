import { seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { isServiceLabel } from '../../protocol/names.ts';

/** A local service that the box publishes under its certificate, as `https://<label>.<zone>`. */
export interface PublishedService {
  label: string;
  /** `http://127.0.0.1:8080` */
  target: string;
  /**
   * Which `Host` the service gets. `target`: its own, and origins are translated both ways. `visitor`: the visitor's, and
   * nothing is translated: for services that know that they stand behind a proxy, and under which name.
   */
  host: 'target' | 'visitor';
  /** So long it may take for the head of an answer. */
  answerTimeoutMs: number;
}

/** As the settings below `web` have them. */
export interface ServiceSettings {
  /** Targets by label. */
  services: Readonly<Record<string, string>>;
  /** Labels of the services that get the visitor's `Host`. */
  servicesWithVisitorHost?: readonly string[];
  /** Seconds by label. */
  serviceTimeouts?: Readonly<Record<string, string>>;
}

/** Some ask every device of the home before they answer, or copy a disk. */
const answerTimeoutMs = seconds(300);

/** What the other addresses are called where all URLs of the box stand side by side (`porchlight status --json`). */
const urlsByName = new Set(['main', 'mirror', 'mirrors', 'tunnel', 'local', 'address']);

/**
 * The services that the settings name. Throws `bad-config` for a label that means something else already, and for one that is
 * set further without being a service.
 */
export function publishedServices(settings: ServiceSettings): PublishedService[] {
  const { services, servicesWithVisitorHost = [], serviceTimeouts = {} } = settings;
  for (const label of Object.keys(services)) requireLabel(label);
  requireServices('web.services-with-visitor-host', servicesWithVisitorHost, services);
  requireServices('web.service-timeouts', Object.keys(serviceTimeouts), services);
  return Object.entries(services).map(([label, target]) => ({
    label,
    target,
    host: servicesWithVisitorHost.includes(label) ? 'visitor' : 'target',
    answerTimeoutMs:
      serviceTimeouts[label] === undefined ? answerTimeoutMs : seconds(Number(serviceTimeouts[label])),
  }));
}

function requireLabel(label: string): void {
  if (isServiceLabel(label) && !urlsByName.has(label)) return;
  throw new Problem(
    'bad-config',
    `web.services: “${label}” cannot be the name of a service: it has a meaning of its own below the zone, or has more than 40 characters; choose another`,
    { retryable: false, details: { key: 'web.services', label } },
  );
}

function requireServices(
  key: string,
  labels: readonly string[],
  services: Readonly<Record<string, string>>,
): void {
  const unknown = labels.find((label) => !Object.hasOwn(services, label));
  if (unknown === undefined) return;
  throw new Problem(
    'bad-config',
    `${key}: there is no service “${unknown}”; write a name that stands in web.services`,
    {
      retryable: false,
      details: { key, label: unknown },
    },
  );
}
