import type { BuiltFile } from '../kit/http/built-files.ts';
import type { Clock, Random } from '../kit/runtime/clock.ts';
import type { LogMemory } from '../kit/log/log-memory.ts';
import type { Log } from '../kit/log/log.ts';
import type { ServiceManager } from '../kit/runtime/systemd.ts';
import type { TimeSources } from '../kit/trusted-time/sources.ts';
import type { ExternalAccount } from './certificate/acme.ts';
import type { BoxConfig } from './config.ts';

export interface BoxOptions {
  config: BoxConfig;
  /** The private CAs that the configuration names, PEM; absent: the system's. */
  trust: { cloud?: string; acme?: string; update?: string };
  /** The account made elsewhere to which the one at the CA is bound. */
  externalAccount?: ExternalAccount | undefined;
  /** The console, as it was built. */
  pages: ReadonlyMap<string, BuiltFile>;
  /** The log's last lines, for the console. */
  logs: LogMemory;
  version: string;
  /** When this program was built, ms since the epoch. */
  builtAt: number;
  manager: ServiceManager;
  /** Where requests to the machine are left, by its service manager; absent: nobody takes them. */
  runtimeFolder?: string | undefined;
  /** Ends the box and starts it again: what is pending is carried out at the start. */
  restart: () => void;
  log: Log;
  /** The machine's; what the box goes by is made of it. */
  clock?: Clock;
  /** These two: see `BoxClockOptions`. */
  timeSources?: TimeSources;
  boot?: string | undefined;
  random?: Random;
}
