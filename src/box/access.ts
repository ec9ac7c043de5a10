import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, minutes, type Random, seconds } from '../kit/runtime/clock.ts';
import type { Fact } from '../kit/runtime/fact.ts';
import type { HttpApp } from '../kit/http/http-server.ts';
import type { Log } from '../kit/log/log.ts';
import { Reconciler } from '../kit/runtime/reconcile.ts';
import type { Markers } from '../kit/store/markers.ts';
import type { Correction } from '../kit/trusted-time/policy.ts';
import { followCorrections } from '../kit/trusted-time/redate.ts';
import { type Service, ServiceGroup } from '../kit/runtime/service.ts';
import { refuseUpgrade } from '../kit/http/refuse-upgrade.ts';
import { accessPaths, type SessionView, type Endpoints } from '../protocol/access-api.ts';
import type { ServiceView } from '../protocol/service-api.ts';
import type { ZoneNames } from '../protocol/names.ts';
import { Agents } from './auth/agents/agents.ts';
import { Approvals } from './sessions/approvals.ts';
import { type App, Apps } from './sessions/apps.ts';
import { PasswordHasher } from './auth/sign-in/argon2.ts';
import { Audit } from './sessions/audit.ts';
import { type AuditNote, root, rootNote } from './audit-notes.ts';
import { Codes } from './auth/oauth/codes.ts';
import { Enrolment, type EnrolmentSettings } from './auth/enrolment/enrolment.ts';
import { EventSockets } from './api/event-sockets.ts';
import { Guard } from './api/guard.ts';
import { HeldRights } from './api/held-rights.ts';
import { Instances, type InstanceSettings } from './auth/instances/instances.ts';
import { SignIns } from './auth/sign-in/sign-ins.ts';
import { NoteDelivery } from './sessions/note-delivery.ts';
import { OtherAccess } from './auth/sign-in/other-access.ts';
import { Pairing } from './auth/pairing/pairing.ts';
import { Passkeys } from './auth/sign-in/passkeys.ts';
import { People } from './sessions/people.ts';
import { RecentProof } from './sessions/recent-proof.ts';
import { accountRoutes } from './auth/sign-in/routes-account.ts';
import { signInRoutes } from './auth/sign-in/routes-sign-in.ts';
import { approvalRoutes } from './api/routes-approvals.ts';
import { type BoxRoutesOptions, boxRoutes } from './api/routes-box.ts';
import { accessControl } from './api/routes-control.ts';
import { connectRoutes } from './auth/oauth/routes-connect.ts';
import { passkeyRoutes } from './auth/sign-in/routes-passkeys.ts';
import { proofRoutes } from './auth/sign-in/routes-proof.ts';
import { peopleRoutes } from './api/routes-people.ts';
import { tokenRoutes } from './auth/oauth/routes-token.ts';
import { SessionSockets } from './api/session-sockets.ts';
import { sessionRecord } from './sessions/session-record.ts';
import { SecondFactors } from './auth/sign-in/second-factors.ts';
import { Sessions } from './sessions/sessions.ts';
import { SetupCode } from './auth/sign-in/setup-code.ts';
import { AccessStore } from './sessions/store.ts';
import { Tokens } from './sessions/tokens.ts';
import { Vault } from './sessions/vault.ts';
import type { CallGuard, PartRoutes } from './ports.ts';
import type { VisitorOf } from './visitor.ts';
import type { Upgrade, AuthMethod } from './auth/auth-method.ts';

export interface AccessOptions {
  /** Of its own: `<state>/access`. */
  folder: string;
  /** What the state folder has held; absent in tests of single parts. */
  markers?: Markers;
  boxId: string;
  /** PEM. */
  identity: { certPem: string; keyPem: string };
  names: ZoneNames;
  boxName: Fact<string>;
  /** The apps that may ask to connect, until an owner edits the list. */
  apps: readonly App[];
  /** From where clients that the box does not know may ask to be let in. */
  pairing: 'home' | 'anywhere' | 'off';
  /** Devices by certificate; absent: off. */
  enrolment?: EnrolmentSettings | undefined;
  /** App instances, known by mailboxes; absent: off. */
  instances?: InstanceSettings | undefined;
  visitorOf: VisitorOf;
  /** Told which connections somebody who is signed in calls on. */
  onSignedIn?: (socket: Socket) => void;
  /** The console's page, HTML. */
  page: () => string;
  /** The browser arrived with this `state`; see `ConnectRoutesOptions`. */
  arrived: (state: string) => void;
  /** Origins by which the box can be reached now. */
  ways: Fact<Endpoints>;
  /** What `status` is made of: when one changes, those who look are told to ask again. */
  changes: readonly Fact<unknown>[];
  /** Events that other parts wrote with their changes, each in its own file; see audit-notes.ts. */
  notes?: readonly Fact<readonly AuditNote[]>[];
  /** These three: see `BoxRoutesOptions`. */
  status: () => object;
  services: () => readonly ServiceView[];
  logs: BoxRoutesOptions['logs'];
  /** How what was made while the clock was in doubt is dated again; absent: the clock is never in doubt. */
  corrections?: Fact<readonly Correction[]>;
  /** Why the box can save nothing now, for whoever visits; absent: it always can. */
  cannotSave?: () => SessionView['cannotSave'];
  /** Calls of other parts of the box. */
  routes?: readonly PartRoutes[];
  clock: Clock;
  random: Random;
  log: Log;
}

/** What everything here is built on; each takes of it what it uses. */
interface Parts {
  boxId: string;
  names: ZoneNames;
  boxName: Fact<string>;
  cannotSave: () => SessionView['cannotSave'];
  guard: Guard;
  signIns: SignIns;
  people: People;
  sessions: Sessions;
  tokens: Tokens;
  codes: Codes;
  apps: Apps;
  passkeys: Passkeys;
  recentProof: RecentProof;
  secondFactors: SecondFactors;
  otherAccess: OtherAccess;
  approvals: Approvals;
  audit: Audit;
}

/** Who may sign in, by which method, and for how long: composes sessions, api and auth. Owner of the fact whether the box has an owner. */
export class Access implements Service {
  readonly name = 'access';
  readonly #options: AccessOptions;
  readonly #store: AccessStore;
  readonly #vault: Vault;
  readonly #setupCode: SetupCode;
  readonly #parts: Parts;
  readonly #sockets: SessionSockets;
  readonly #events: EventSockets;
  readonly #rights: HeldRights;
  /** The sign-in methods beside the pages. */
  readonly #methods: readonly AuthMethod[];
  readonly #running: ServiceGroup;
  readonly #upgrades: ReadonlyMap<string, Upgrade>;
  readonly #expiry: Reconciler;
  readonly #delivery: NoteDelivery;
  #undate: (() => void) | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
    const { clock, folder, boxId, names, boxName, visitorOf, log } = options;
    const store = new AccessStore(folder, options.markers);
    const sessions = new Sessions({ store, clock });
    const audit = new Audit({ store, clock, log });
    this.#delivery = new NoteDelivery({ folder, notes: options.notes ?? [], audit });
    const approvals = new Approvals({ store, sessions, audit, clock });
    const tokens = new Tokens({ store, sessions, clock, onRefreshed: () => this.#expiry.nudge() });
    const codes = new Codes({ store, sessions, clock });
    const people = new People({ ...options, store, sessions });
    const apps = new Apps({ store, configured: options.apps });
    const passkeys = new Passkeys({ store, people, boxName, rpId: names.main, clock });
    const setupCode = new SetupCode({ folder, store, clock, log });
    const hashers = { home: new PasswordHasher(), away: new PasswordHasher({ atOnce: 1 }) };
    const recentProof = new RecentProof({ clock });
    const vault = new Vault(folder, options.markers);
    this.#vault = vault;
    const secondFactors = new SecondFactors({ store, vault, passkeys, clock });
    const otherAccess = new OtherAccess({ people, passkeys, sessions, apps, secondFactors, audit });
    const known = { store, people, sessions, tokens, recentProof, secondFactors, otherAccess };
    const signIns = new SignIns({ ...known, setupCode, hashers, boxName, audit, clock });
    const { onSignedIn = () => undefined } = options;
    const guard = new Guard({
      ...known,
      names,
      isAppOrigin: (origin) => apps.isOrigin(origin),
      hasPasskey: (personId) => passkeys.of(personId).length > 0,
      visitorOf,
      onSignedIn,
      log,
    });
    sessions.recordBy(sessionRecord({ people, audit }));
    this.#store = store;
    this.#setupCode = setupCode;
    this.#rights = new HeldRights({ guard, sessions });
    this.#parts = {
      boxId,
      names,
      boxName,
      cannotSave: () => options.cannotSave?.(),
      guard,
      signIns,
      people,
      sessions,
      tokens,
      codes,
      apps,
      passkeys,
      recentProof,
      secondFactors,
      otherAccess,
      approvals,
      audit,
    };
    const sockets = new SessionSockets({ ...options, guard, sessions, tokens });
    this.#sockets = sockets;
    this.#events = new EventSockets({ ...options, guard, tokens, sockets, approvals });
    const method = { ...options, ...this.#parts, store, vault, sockets };
    const methods: readonly AuthMethod[] = [
      ...(options.pairing === 'off' ? [] : [new Pairing({ ...method, askFrom: options.pairing })]),
      new Agents(method),
      ...(options.instances === undefined ? [] : [new Instances({ ...method, ...options.instances })]),
      ...(options.enrolment === undefined ? [] : [new Enrolment({ ...method, ...options.enrolment })]),
    ];
    this.#methods = methods;
    this.#running = new ServiceGroup({ name: 'sign-in methods', parts: methods, log });
    this.#upgrades = new Map<string, Upgrade>([
      [accessPaths.events, (request, socket, head) => this.#events.upgrade(request, socket, head)],
      ...methods.flatMap(({ upgrades = [] }) => [...upgrades]),
    ]);
    this.#expiry = new Reconciler({
      ...options,
      name: 'access.expiry',
      watch: [],
      reconcile: async () => {
        await this.#delivery.deliver();
        for (const method of this.#methods) method.sweep?.();
        const next = sessions.endExpired();
        const refreshMs = tokens.sweep() ?? Infinity;
        codes.sweep();
        audit.sweep();
        const nextMs = Math.min(refreshMs, (next ?? Infinity) - clock.now());
        return Math.min(longestPauseMs, Math.max(shortestPauseMs, nextMs));
      },
    });
  }

  /** The box has an owner. */
  get claimed(): Fact<boolean> {
    return this.#parts.people.claimed;
  }

  /** For `porchlight status`, while there is no owner. */
  get setupCode(): string | undefined {
    return this.#setupCode.value;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#store.open();
    const { corrections, log } = this.#options;
    this.#undate = followCorrections(corrections, (all) => this.#store.redate(all), log);
    this.#store.demandEvents();
    await this.#vault.openIfMade();
    const { people, apps } = this.#parts;
    people.open();
    apps.open();
    this.#parts.tokens.open();
    if (people.claimed.value) await this.#setupCode.remove();
    else await this.#setupCode.open();
    this.#sockets.start();
    this.#rights.start();
    this.#events.start();
    await this.#running.start(signal);
    this.#delivery.start(() => this.#expiry.nudge());
    await this.#expiry.start();
  }

  async stop(): Promise<void> {
    this.#delivery.stop();
    await this.#expiry.stop();
    await this.#running.stop();
    this.#events.stop();
    this.#sockets.stop();
    this.#rights.stop();
    this.#parts.approvals.stop();
    this.#undate?.();
    this.#store.close();
  }

  /** Takes over the HTTP upgrades of the box's own names; what is not for here is answered 404. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const take = this.#upgrades.get(request.url?.split('?')[0] ?? '');
    if (take === undefined) refuseUpgrade(socket, 404);
    else take(request, socket, head);
  }

  /** Adds the calls of `porchlight` on this machine: those of this part, and of all that add theirs to it. */
  async control(app: HttpApp): Promise<void> {
    const { audit } = this.#parts;
    accessControl(app, this.#parts);
    await this.#mount(app, {
      still: () => undefined,
      note: (_request, action) => rootNote(action, this.#options.clock.now()),
      record: (_request, action) => audit.record({ action, who: root, address: null }),
    });
  }

  /** Adds the pages and calls of this part to the box's own application. */
  async register(app: HttpApp): Promise<void> {
    const parts = this.#parts;
    await app.register(async (scope) => {
      scope.addHook('onRequest', (request, reply) => parts.guard.admit(request, reply));
      scope.addHook('preHandler', (request) => parts.guard.admitBody(request));
      this.#rights.hooks(scope);
      // JSON and, for the apps' endpoints, forms: a page elsewhere can send `text/plain` without asking.
      scope.removeContentTypeParser('text/plain');
      signInRoutes(scope, parts);
      proofRoutes(scope, parts);
      accountRoutes(scope, parts);
      passkeyRoutes(scope, parts);
      peopleRoutes(scope, parts);
      approvalRoutes(scope, parts);
      for (const method of this.#methods) await method.routes?.(scope);
      await scope.register(async (others) => this.#mount(others, this.#calls()), { prefix: '/api' });
      boxRoutes(scope, { ...this.#options, ...parts });
      connectRoutes(scope, { ...this.#options, ...parts });
      await scope.register(async (forms) => tokenRoutes(forms, { ...this.#options, ...parts }));
    });
  }

  /** What the calls of other parts may ask, when a person with a session makes them. */
  #calls(): CallGuard {
    const { guard, audit } = this.#parts;
    return {
      still: (request) => guard.still(request),
      note: (request, action) => ({ ...rootNote(action, this.#options.clock.now()), ...guard.by(request) }),
      record: (request, action) => audit.record({ action, ...guard.by(request) }),
    };
  }

  async #mount(app: HttpApp, guard: CallGuard): Promise<void> {
    for (const routes of this.#options.routes ?? []) await routes(app, { guard });
  }
}

const shortestPauseMs = seconds(1);
/** The wall clock may jump ahead in between. */
const longestPauseMs = minutes(10);
