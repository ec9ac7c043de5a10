import type { Clock } from '../../kit/runtime/clock.ts';
import { Metrics } from '../../kit/runtime/metrics.ts';
import type { BoxFacts } from './status.ts';

/** The numbers of a box for Prometheus, read from its facts at each scrape. */
export function boxMetrics(facts: BoxFacts, clock: Clock): () => Promise<string> {
  const metrics = new Metrics();
  const { certificate, tunnel, announce, network, zone, health } = facts;
  const gauge = (name: string, help: string, read: () => number): void =>
    void metrics.gauge(`porchlight_box_${name}`, help, { read });
  gauge('addresses', 'Addresses on the home network.', () => network.value.addresses.length);
  gauge(
    'zone_serial',
    'Serial of the zone as served; 0 before the first answer.',
    () => zone.value?.serial ?? 0,
  );
  gauge('certificate_not_after_seconds', 'End of the certificate, Unix time; 0 without one.', () =>
    Math.floor((certificate.value?.notAfter ?? 0) / 1000),
  );
  gauge('tunnel_connected', '1 while the tunnel is proven.', () =>
    tunnel.value.phase === 'connected' ? 1 : 0,
  );
  gauge('announced_seconds', 'Age of the last announcement taken; -1 before the first.', () =>
    announce.value.announcedAt === undefined ? -1 : (clock.now() - announce.value.announcedAt) / 1000,
  );
  gauge('resident_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
  gauge('heap_bytes', 'Memory that JavaScript objects take.', () => process.memoryUsage().heapUsed);
  gauge('timers', 'Timers that are set.', active(/^(Timeout|Immediate)$/));
  gauge('sockets', 'Sockets that are open, of either side.', active(/^(TCP|TLS|Pipe|UDP)/));
  const conditions = metrics.gauge('porchlight_box_condition', 'Health: 0 ok, 1 warning, 2 error.', {
    labels: ['name'],
  });
  return () => {
    conditions.reset();
    for (const { name, severity } of health.value) {
      conditions.set({ name }, { ok: 0, warning: 1, error: 2 }[severity]);
    }
    return metrics.text();
  };
}

/** How many of these the process holds open, by Node's names. */
const active = (kind: RegExp) => (): number =>
  process.getActiveResourcesInfo().filter((name) => kind.test(name)).length;
