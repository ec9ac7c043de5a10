import { Access } from '../../box/access.ts';
import { backupRoutes } from '../../box/backup/routes.ts';
import { settingsRoutes } from '../../box/settings/routes.ts';
import { updateRoutes } from '../../box/update/routes.ts';
import { probePath } from '../../box/tunnel/own-probe.ts';
import { createOwnApp } from '../../box/web/own-app.ts';
import { createApi, defaultApiLimits } from '../../cloud/dns-server/api.ts';
import { mailboxRoutes } from '../../cloud/mailbox/routes.ts';
import { defaultArrivalRates, registerArrivals } from '../../cloud/registration-server/arrivals-routes.ts';
import { registerRoutes } from '../../cloud/registration-server/routes.ts';
import { systemClock } from '../../kit/runtime/clock.ts';
import { OwnedFact } from '../../kit/runtime/fact.ts';
import { createHttpsApp, type HttpsApp } from '../../kit/http/http-server.ts';
import { silentLog } from '../../kit/log/log.ts';
import { zoneNames } from '../../protocol/names.ts';
import type { Api } from './call.ts';
import { type Route, routesOf } from './routes-of.ts';

/** What a server is given that is never called: its routes are looked at, and it is not started. */
const unused = {} as never;
const log = silentLog;
const clock = systemClock;
const tls = { keyPem: '', certPem: '' };
const boxId = 'a'.repeat(52);
const names = zoneNames(boxId, 'box.porchlight.example', ['a', 'b']);

/** The applications as the programs make them, with all that can be switched on. */
const servers: Readonly<Record<Api['name'], () => Promise<unknown>>> = {
  zone: async () => {
    const app = await createApi({
      tls,
      limits: defaultApiLimits,
      log,
      clock,
      zoneRoot: 'box.porchlight.example',
      zones: unused,
      serial: unused,
      nameServers: unused,
      masterKey: unused,
      relays: [],
      relayAddresses: [],
      relayPublicPort: 443,
      runs: unused,
      acceptSha1Zones: true,
    });
    await app.ready();
  },
  registration: async () => {
    const app = cloudApp();
    await registerRoutes(app, unused);
    await registerArrivals(app, { arrivals: unused, trust: unused, rates: defaultArrivalRates, clock });
    await app.ready();
  },
  mailbox: async () => {
    const app = cloudApp();
    await mailboxRoutes(app, unused);
    await app.ready();
  },
  box: boxRoutes,
};

function cloudApp(): HttpsApp {
  return createHttpsApp({ log, tls: {}, bodyLimit: 1 });
}

async function boxRoutes(): Promise<void> {
  const nobody = new OwnedFact<never[]>([]);
  const access = new Access({
    folder: '/nowhere',
    boxId,
    identity: unused,
    names,
    boxName: new OwnedFact(''),
    apps: [],
    pairing: 'home',
    enrolment: {
      host: '',
      port: 0,
      insecurePort: 0,
      folders: {},
      links: nobody,
      serverNames: nobody,
      health: unused,
    },
    instances: { mailboxes: [], health: unused },
    visitorOf: unused,
    page: unused,
    arrived: unused,
    ways: unused,
    changes: [],
    routes: [settingsRoutes(unused), backupRoutes(unused), updateRoutes(unused)],
    status: unused,
    services: unused,
    logs: unused,
    clock,
    random: Math.random,
    log,
  });
  await createOwnApp({ view: unused, probe: unused, probePath, pages: new Map(), access, log });
}

/** The routes of an API, from the application itself. */
export async function routesOfApi({ name }: Api): Promise<Route[]> {
  return (await routesOf(servers[name])).flat();
}
