import type { Clock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Health } from './health.ts';
import type { Log } from '../log/log.ts';
import { Reconciler } from './reconcile.ts';
import type { Service } from './service.ts';
import type { ServiceManager } from './systemd.ts';

export interface SupervisionOptions {
  manager: ServiceManager;
  health: Health;
  clock: Clock;
  log: Log;
}

/** Tells the service manager how the box is: ready once everything runs, the worst condition as status, alive in time. */
export class Supervision implements Service {
  readonly name = 'supervision';
  readonly #options: SupervisionOptions;
  readonly #status: Reconciler;
  readonly #watchdog: Reconciler;

  constructor(options: SupervisionOptions) {
    this.#options = options;
    const { manager, health, clock, log } = options;
    const common = { clock, log, random: Math.random };
    this.#status = new Reconciler({
      ...common,
      name: 'supervision.status',
      watch: [health.conditions],
      reconcile: async () => {
        await manager.status(statusLine(health));
        return undefined;
      },
    });
    this.#watchdog = new Reconciler({
      ...common,
      name: 'supervision.watchdog',
      watch: [],
      reconcile: async () => {
        if (manager.watchdogMs === undefined) return undefined;
        await manager.watchdog();
        // Twice within the time the manager allows (sd_watchdog_enabled(3)).
        return manager.watchdogMs / 2;
      },
    });
  }

  /** Start this part last: it is what says *ready*. */
  async start(): Promise<void> {
    await this.#quietly(this.#options.manager.ready(statusLine(this.#options.health)));
    await this.#status.start();
    await this.#watchdog.start();
  }

  async stop(): Promise<void> {
    await this.#quietly(this.#options.manager.stopping());
    await this.#status.stop();
    await this.#watchdog.stop();
  }

  async #quietly(telling: Promise<void>): Promise<void> {
    try {
      await telling;
    } catch (error) {
      this.#options.log.warn(`the service manager was not told: ${messageOf(error)}`);
    }
  }
}

/** One line for `systemctl status`: the first of the worst conditions, or that all is well. */
function statusLine(health: Health): string {
  const bad = health.conditions.value.filter((condition) => condition.severity === health.worst);
  const [first] = bad;
  if (health.worst === 'ok' || first === undefined) return 'all parts work';
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : '';
  return `${first.name}: ${first.message}${more}`;
}
