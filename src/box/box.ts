import { join } from 'node:path';
import { systemClock } from '../kit/runtime/clock.ts';
import { messageOf } from '../kit/runtime/errors.ts';
import { derived, OwnedFact } from '../kit/runtime/fact.ts';
import { privateFolder } from '../kit/store/files.ts';
import { Health } from '../kit/runtime/health.ts';
import { HealthPage } from '../kit/http/health-page.ts';
import { lockFolder } from '../kit/store/lock.ts';
import type { Log } from '../kit/log/log.ts';
import { Markers } from '../kit/store/markers.ts';
import { type Service, ServiceGroup } from '../kit/runtime/service.ts';
import { reportTrust } from '../kit/trusted-time/report.ts';
import type { TrustedClock } from '../kit/trusted-time/trusted-clock.ts';
import { StorageWatch } from '../kit/disk/watch.ts';
import { Supervision } from '../kit/runtime/supervision.ts';
import { zoneNames } from '../protocol/names.ts';
import { Access } from './access.ts';
import { appAt } from './sessions/apps.ts';
import { serverNames } from './auth/enrolment/server-names.ts';
import { mailboxesOf } from './auth/instances/mailboxes.ts';
import { Announcer } from './announce/announcer.ts';
import { Backups } from './backup/backups.ts';
import { placeOf } from './backup/contents.ts';
import { backupRoutes } from './backup/routes.ts';
import type { BoxOptions } from './box-options.ts';
import { type AppliedRequests, applyRequests } from './card/asked.ts';
import { CardNote } from './card/card-note.ts';
import { CertificateKeeper } from './certificate/certificate.ts';
import { Control } from './control/control.ts';
import type { Identity, TunnelState } from './facts.ts';
import { loadIdentity } from './identity/identity.ts';
import { MdnsAnnouncer } from './mdns/mdns-announcer.ts';
import { NetworkWatcher } from './network/network-watcher.ts';
import { RunKeeper, standTimeoutMs } from './run/run-keeper.ts';
import { RunMemory } from './run/run-memory.ts';
import { OwnerSettings } from './settings/owner-settings.ts';
import { settingsRoutes } from './settings/routes.ts';
import { boxClock } from './system/box-clock.ts';
import { boxMetrics } from './system/metrics.ts';
import { servicesOf, stateView } from './system/state-view.ts';
import { type BoxFacts, boxStatus, boxUrls } from './system/status.ts';
import { currentEndpoints } from './system/endpoints.ts';
import { OwnProbe, probePath } from './tunnel/own-probe.ts';
import { Tunnel } from './tunnel/tunnel.ts';
import { keepStateBefore } from './update/state-before.ts';
import { updateRoutes } from './update/routes.ts';
import { updates } from './update/updates.ts';
import { publishedServices } from './web/published-services.ts';
import { HttpRedirect } from './web/redirect.ts';
import { ServiceWatch } from './web/service-watch.ts';
import { Visitors } from './web/visitors.ts';
import { Web } from './web/web.ts';
import { ZoneClient } from './zone/zone-client.ts';
import { ZoneKeeper } from './zone/zone-keeper.ts';

/**
 * The composition root of the box, in the order of the picture in docs/ARCHITECTURE.md. Each part owns one fact and is
 * given the facts it observes.
 */
export class Box implements Service {
  readonly name = 'box';
  readonly #options: BoxOptions;
  #running: ServiceGroup | undefined;
  #lock: { release: () => void } | undefined;
  #facts: BoxFacts | undefined;

  constructor(options: BoxOptions) {
    this.#options = options;
  }

  /** Everything there is to observe about the box; there once `start` has resolved. */
  get facts(): BoxFacts {
    if (this.#facts === undefined) throw new Error('the box has not been started');
    return this.#facts;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { config, random = Math.random } = this.#options;
    await privateFolder(config.state);
    this.#lock = lockFolder(config.state);
    await keepStateBefore(config.state, this.#options.version);
    const { trust, log, restart } = this.#options;
    const taken = await applyRequests(config, placeOf(config, trust), log);
    // Whoever starts it again makes the configuration before (on the appliance, from the card).
    if (taken.elsewhere) return restart();
    const machine = this.#options.clock ?? systemClock;
    const clock = await boxClock({ ...this.#options, clock: machine, random }, signal);
    const identity = await loadIdentity({ stateFolder: config.state, clock });
    const memory = await RunMemory.begin(config.state, identity.boxId, (error) => log.warn(messageOf(error)));
    this.#running = this.#compose(identity, memory, clock, taken);
    await this.#running.start(signal);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
    this.#lock?.release();
    this.#lock = undefined;
  }

  #compose(identity: Identity, memory: RunMemory, clock: TrustedClock, taken: AppliedRequests): ServiceGroup {
    const { config, trust, pages, logs, version, builtAt, manager, restart } = this.#options;
    const { runtimeFolder, log, random = Math.random } = this.#options;
    const health = new Health(clock);
    reportTrust(health, clock);
    const shared = { clock, random, health, markers: new Markers(config.state) };
    const part = (name: string): typeof shared & { log: Log } => ({
      ...shared,
      log: log.child({ part: name, boxId: identity.boxId }),
    });
    const folder = (name: string): string => join(config.state, name);
    const storage = new StorageWatch({ ...part('storage'), folders: [config.state] });
    const names = zoneNames(identity.boxId, config.zone.root, config.zone.mirrors);
    const services = publishedServices(config.web);
    const cloud = { identity, run: memory.run, origin: config.cloud.zoneApi, ca: trust.cloud };
    const client = new ZoneClient(cloud);

    const settings = new OwnerSettings({
      ...part('settings'),
      folder: folder('settings'),
      configured: { name: config.name, tunnel: config.tunnel.enabled },
    });
    const name = settings.boxName;

    const network = new NetworkWatcher({ ...part('network'), interfaces: config.network.interfaces });

    const run = new RunKeeper({
      ...part('run'),
      client: new ZoneClient({ ...cloud, timeoutMs: standTimeoutMs }),
      memory,
      network: network.network,
    });
    const { copy } = run;

    // The tunnel needs a certificate, which needs a zone, which holds the tunnel's address: the one circle in the house.
    const tunnelState = new OwnedFact<TunnelState>({ phase: 'off', addresses: [], origin: undefined });

    const zone = new ZoneKeeper({
      ...part('zone'),
      identity,
      zoneRoot: config.zone.root,
      mirrors: config.zone.mirrors,
      resolvers: config.zone.resolvers.length > 0 ? config.zone.resolvers : undefined,
      network: network.network,
      tunnel: tunnelState,
      client,
      copy,
      stateFolder: folder('zone'),
    });

    const certificate = new CertificateKeeper({
      ...part('certificate'),
      identity,
      names,
      zone: zone.zone,
      zoneClient: client,
      acme: {
        directoryUrl: config.acme.directory,
        stagingDirectoryUrl: config.acme.staging || undefined,
        contactEmail: config.acme.contact || undefined,
        profile: config.acme.profile || undefined,
        caPem: trust.acme,
        termsAgreed: config.acme.agreeToTerms,
        externalAccount: this.#options.externalAccount,
      },
      stateFolder: folder('certificate'),
      builtAt,
    });

    const backups = new Backups({
      stateFolder: config.state,
      name: () => name.value,
      place: placeOf(config, trust),
      version,
      clock,
      restart,
    });

    const updater = updates({
      ...part('update'),
      config: config.update,
      ca: trust.update,
      stateFolder: config.state,
      version,
      conditions: health.conditions,
      runtimeFolder,
    });

    const visitors = new Visitors({ links: network.links });
    // Known before the door is open, but for the port 0 of tests.
    const httpsPort = (): number => config.web.port || web.port;
    const local = { names, network: network.network, zone: zone.zone, tunnel: tunnelState, httpsPort };
    const mdns: MdnsAnnouncer = new MdnsAnnouncer({
      ...part('mdns'),
      identity,
      name,
      network: network.network,
      port: () => web.port,
      path: '/',
      adapter: config.mdns.adapter,
    });
    const access: Access = new Access({
      ...part('access'),
      folder: folder('access'),
      boxId: identity.boxId,
      identity,
      names,
      boxName: name,
      apps: config.access.apps.map(appAt),
      pairing: config.access.pairing,
      enrolment: config.enrolment.enabled
        ? {
            ...config.enrolment,
            host: config.web.host,
            links: network.links,
            serverNames: serverNames(names, network.network, mdns.state),
            health,
          }
        : undefined,
      instances: { mailboxes: mailboxesOf({ config, identity, caPem: trust.cloud, clock }), health },
      corrections: clock.corrections,
      visitorOf: (socket) => visitors.of(socket),
      onSignedIn: (socket) => visitors.know(socket),
      page: () => pages.get('/')?.body.toString() ?? '',
      arrived: (state) => void announcer.arrived(state),
      ways: derived([network.network, zone.zone, tunnelState], () => currentEndpoints(local)),
      changes: [
        health.conditions,
        network.network,
        zone.zone,
        certificate.certificate,
        tunnelState,
        updater.state,
      ],
      routes: [settingsRoutes(settings), backupRoutes(backups), updateRoutes(updater)],
      notes: [settings.notes, run.notes, ...updater.notes],
      status: () => stateView(this.facts, clock.now(), version),
      services: () => servicesOf(this.facts),
      cannotSave: () => storage.fault.value,
      logs: (query) => logs.read(query),
    });

    const serviceWatch = new ServiceWatch({ ...part('services'), services });
    const probe = new OwnProbe(identity.boxId);
    const web: Web = new Web({
      ...part('web'),
      identity,
      zoneRoot: config.zone.root,
      mirrors: config.zone.mirrors,
      certificate: certificate.certificate,
      host: config.web.host,
      port: config.web.port,
      services,
      told: (label, fault) => serviceWatch.met(label, fault),
      name,
      details: () => ({ urls: boxUrls(this.facts), conditions: health.conditions.value }),
      cannotSave: () => storage.fault.value !== undefined,
      probe: (nonce) => probe.answer(nonce),
      probePath,
      pages,
      access,
      visitors,
    });
    const { host, httpPort } = config.web;
    const redirect = new HttpRedirect({ host, port: httpPort, httpsPort, zone: names.main });

    const tunnel = new Tunnel({
      ...part('tunnel'),
      names,
      // Nobody from outside before there is an owner who could let them in.
      enabled: derived(
        [settings.tunnelWanted, access.claimed],
        () => settings.tunnelWanted.value && access.claimed.value,
      ),
      certificate: certificate.certificate,
      copy,
      grants: client,
      localPort: () => web.tunnelPort,
      localKey: () => web.tunnelKey,
      probe,
      ...(trust.acme === undefined ? {} : { probeCa: trust.acme }),
      runtimeFolder: folder('tunnel'),
    });
    tunnel.state.subscribe((state) => tunnelState.set(state));

    const announcer: Announcer = new Announcer({
      ...part('announce'),
      identity,
      zone: zone.zone,
      tunnel: tunnel.state,
      certificate: certificate.certificate,
      claimed: access.claimed,
      discoverable: settings.discoverable,
      hidden: settings.hidden,
      copy,
      run: memory.run,
      name,
      mdns: mdns.state,
      httpsPort,
      registration: { origin: config.cloud.registration, caPem: trust.cloud },
    });

    this.#facts = {
      identity,
      names,
      name,
      httpsPort,
      services: services.map(({ label }) => label),
      health: health.conditions,
      network: network.network,
      zone: zone.zone,
      certificate: certificate.certificate,
      tunnel: tunnel.state,
      announce: announcer.state,
      mdns: mdns.state,
      claimed: access.claimed,
      setupCode: () => access.setupCode,
    };
    const facts = this.#facts;
    const page = new HealthPage({
      port: config.system.port,
      setting: 'system.port',
      health,
      metrics: boxMetrics(facts, clock),
      status: () => boxStatus(facts, clock.now()),
    });
    const card = new CardNote({ ...part('card'), runtimeFolder, ...taken, facts });
    const supervision = new Supervision({ manager, health, clock, log });

    const control = new Control({ ...part('control'), stateFolder: config.state });
    control.add((app) => access.control(app));

    // Ended last: the parts that are stopped before it say goodbye through it.
    const connections: Service = {
      name: 'zone-client',
      start: async () => undefined,
      stop: () => client.close(),
    };
    // Pages early, so that a box without any network can be asked what it lacks, with the certificate that it has; *ready* last.
    const pagesFirst = [settings, access, certificate, web, redirect, control, page];
    const others = [network, zone, tunnel, mdns, announcer, card, updater, serviceWatch];
    return new ServiceGroup({
      name: this.name,
      parts: [connections, storage, run, clock, ...pagesFirst, ...others, supervision],
      log,
    });
  }
}
