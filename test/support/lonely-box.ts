import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from '../../src/box/box.ts';
import { BoxConfig } from '../../src/box/config.ts';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { LogMemory } from '../../src/kit/log/log-memory.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import { atEnd } from './at-end.ts';

/** A real box in this process, whose cloud and CA are not there. */
export interface LonelyBox {
  /** Of its pages, on loopback. */
  port: number;
  state: string;
  setupCode(): string;
}

/** The flags of a box on loopback, at `ports`, whose cloud and CA are not there. */
export function lonelySettings(state: string, ports: HomePorts): string[] {
  const settings = {
    state,
    'network.interfaces': 'lo',
    'cloud.zone-api': 'https://127.0.0.1:1',
    'cloud.registration': 'https://127.0.0.1:1',
    'acme.directory': 'https://127.0.0.1:1/dir',
    'zone.resolvers': '127.0.0.1:1',
    'web.host': '127.0.0.1',
    'web.port': ports.web,
    'web.http-port': ports.redirect,
    'enrolment.port': ports.devices,
    'enrolment.insecure-port': ports.certificateExchange,
    'system.port': ports.boxSystem,
    'mdns.adapter': 'off',
  };
  return Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
}

export async function lonelyBox(state: string): Promise<LonelyBox> {
  const ports = await freePorts();
  const args = lonelySettings(state, ports);
  const box = new Box({
    config: loadConfig(BoxConfig, { env: {}, args }).config,
    trust: {},
    pages: new Map(),
    logs: new LogMemory({ capacity: 100 }),
    version: '0.0.0',
    builtAt: 0,
    manager: serviceManager({}),
    restart: () => undefined,
    log: silentLog,
  });
  await box.start(AbortSignal.timeout(60_000));
  atEnd(() => box.stop());
  return {
    port: ports.web,
    state,
    setupCode: () => readFileSync(join(state, 'access/setup-code'), 'utf8').trim(),
  };
}
