import { watch, type FSWatcher } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { type Clock, seconds } from '../kit/runtime/clock.ts';
import { messageOf, Problem } from '../kit/runtime/errors.ts';
import { writeAtomic } from '../kit/store/files.ts';
import { Health } from '../kit/runtime/health.ts';
import { HealthPage } from '../kit/http/health-page.ts';
import { isSound } from '../kit/http/http-strict.ts';
import { listen } from '../kit/http/listen.ts';
import type { Log } from '../kit/log/log.ts';
import { refusal, sentence } from '../kit/http/refusal.ts';
import { type Service, ServiceGroup } from '../kit/runtime/service.ts';
import { Supervision } from '../kit/runtime/supervision.ts';
import type { ServiceManager } from '../kit/runtime/systemd.ts';
import type { BoxConfig } from './config.ts';
import type { BoxStatus } from './system/status.ts';

/** What a person has to decide about: the state is damaged, and a start would have to begin something again. */
const damages = new Set([
  'device-ca-damaged',
  'identity-damaged',
  'store-damaged',
  'store-missing',
  'vault-damaged',
]);

export function needsRescue(error: unknown): error is Problem {
  return error instanceof Problem && damages.has(error.code);
}

export interface RescueOptions {
  config: BoxConfig;
  /** Why the box does not start. */
  problem: Problem;
  manager: ServiceManager;
  /** Where the note for the card is left. */
  runtimeFolder?: string | undefined;
  /** The state has changed: the box may start now. */
  restart: () => void;
  log: Log;
  clock: Clock;
}

/** How long nothing may change in the state before the box is started again. */
const settleMs = seconds(2);

/**
 * In place of a box whose state is damaged: it serves nothing of the box, begins nothing again, and says what is wrong and
 * what to do, on its page, in `porchlight status`, in the journal and on the card. It holds no lock, so that
 * `porchlight restore` and `porchlight reset` work; when they have, the box is started again.
 */
export class Rescue implements Service {
  readonly name = 'rescue';
  readonly #options: RescueOptions;
  readonly #running: ServiceGroup;
  #page: Server | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RescueOptions) {
    this.#options = options;
    const { config, problem, manager, clock, log } = options;
    const health = new Health(clock);
    const [what, remedy] = parted(problem.message);
    health.set('state', 'error', what, remedy);
    this.#running = new ServiceGroup({
      name: this.name,
      parts: [
        new HealthPage({
          port: config.system.port,
          setting: 'system.port',
          health,
          metrics: async () => '',
          status: () => rescueStatus(config.name, health, problem),
        }),
        new Supervision({ manager, health, clock, log }),
      ],
      log,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { config, problem, runtimeFolder, log } = this.#options;
    log.error({ code: problem.code }, `the box does not start: ${problem.message}`);
    await this.#openPage();
    if (runtimeFolder !== undefined) {
      await writeAtomic(join(runtimeFolder, 'note'), noteText(config.name, problem)).catch(() => undefined);
      await writeAtomic(join(runtimeFolder, 'note-waiting'), '').catch(() => undefined);
    }
    this.#watcher = watch(config.state, () => this.#changed());
    this.#watcher.on('error', () => undefined);
    await this.#running.start(signal);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#running.stop();
    const page = this.#page;
    this.#page = undefined;
    if (page?.listening !== true) return;
    page.closeAllConnections();
    await new Promise((resolve) => page.close(resolve));
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#options.restart(), settleMs);
  }

  /** By plain HTTP: there may be no certificate, and nothing on it is a secret. A port that is taken costs the page alone. */
  async #openPage(): Promise<void> {
    const { config, problem, log } = this.#options;
    const told = new Problem(problem.code, problem.message, { status: 503, retryable: false });
    const server = createServer({ requestTimeout: 5000 }, (request, response) => {
      if (!isSound(request, response)) return;
      const { status, headers, body } = refusal(told, { accept: request.headers.accept });
      response.writeHead(status, headers).end(body);
    });
    this.#page = server;
    await listen(server, { host: config.web.host, port: config.web.httpPort }).catch((error: unknown) =>
      log.warn(`the page that says so cannot be opened: ${messageOf(error)}`),
    );
  }
}

/** The first sentence is what is the case; the others, what to do. */
function parted(message: string): [what: string, remedy: string] {
  const end = message.indexOf('. ');
  return end === -1
    ? [message, 'porchlight doctor says more']
    : [message.slice(0, end), message.slice(end + 2)];
}

function rescueStatus(name: string, health: Health, problem: Problem): BoxStatus {
  const conditions = health.conditions.value.map((condition) => ({
    ...condition,
    since: new Date(condition.since).toISOString(),
  }));
  return {
    boxId: 'not known while the state is damaged',
    name,
    health: health.worst,
    addresses: [],
    urls: { mirrors: [] },
    certificate: null,
    tunnel: { phase: 'off', reason: `the box does not start (${problem.code})` },
    announcedAt: null,
    mdns: { adapter: null, instance: null },
    setupCode: null,
    conditions,
  };
}

function noteText(name: string, problem: Problem): string {
  return `The box “${name}” does not start.\n\n${sentence(problem.message)}\n`;
}
