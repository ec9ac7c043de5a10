import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Clock, Random } from '../../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../../kit/runtime/errors.ts';
import type { Health } from '../../../kit/runtime/health.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import type { Log } from '../../../kit/log/log.ts';
import { shortName } from '../../../kit/runtime/text.ts';
import {
  type ConfirmRequest,
  type InstanceAnswer,
  type InstanceCredentials,
  instanceLimits,
  type InstanceRequest,
} from '../../../protocol/instance-api.ts';
import { newKeptKeys, publicKeyText, seal, sealedFor, sealingKeysFrom } from '../../../protocol/sealed.ts';
import { secretHash } from '../../sessions/secrets.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';
import type { AccessStore } from '../../sessions/store.ts';
import type { Visitor } from '../../visitor.ts';
import type { AuthMethod } from '../auth-method.ts';
import { Cleaning } from './cleaning.ts';
import { InstanceLimits } from './instance-limits.ts';
import { type Instance, InstanceTable } from './instance-table.ts';
import { Messages } from './messages.ts';
import type { Mailbox } from './mailbox.ts';
import { type Asker, PendingRequests } from './pending.ts';
import { instanceRoutes } from './routes.ts';
import { SignedRequests } from './signed-requests.ts';
import type { Vault } from '../../sessions/vault.ts';
import type { Guard } from '../../api/guard.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { People } from '../../sessions/people.ts';
import type { Approvals } from '../../sessions/approvals.ts';
import type { Audit } from '../../sessions/audit.ts';

export interface InstanceSettings {
  /** The first is for those that name none. */
  mailboxes: readonly Mailbox[];
  health: Health;
}

export interface InstancesOptions extends InstanceSettings {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  people: People;
  sessions: Sessions;
  approvals: Approvals;
  audit: Audit;
  vault: Vault;
  store: AccessStore;
  /** From where an instance may ask an owner. */
  pairing: 'home' | 'anywhere' | 'off';
  clock: Clock;
  random: Random;
  log: Log;
}

/**
 * App instances, which reach the box over the open internet with nothing to show: what the open call answers is in a mailbox
 * that only the instance can read. From then on they sign every call (docs/access/instances.md).
 */
export class Instances implements AuthMethod {
  readonly name = 'instances';
  readonly #options: InstancesOptions;
  readonly #table: InstanceTable;
  readonly #pending: PendingRequests;
  readonly #signed: SignedRequests;
  readonly #limits: InstanceLimits;
  readonly #cleaning: Cleaning;
  readonly #messages: Messages;

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#table = new InstanceTable(options);
    this.#pending = new PendingRequests(options);
    this.#signed = new SignedRequests(options);
    this.#limits = new InstanceLimits(options.clock);
    this.#cleaning = new Cleaning({ ...options, pending: this.#pending, table: this.#table });
    this.#messages = new Messages({ ...options, cleaning: this.#cleaning });
  }

  async start(): Promise<void> {
    await this.#options.vault.open();
    await this.#cleaning.start();
  }

  async stop(): Promise<void> {
    await this.#cleaning.stop();
    await this.#messages.close();
  }

  routes(app: HttpApp): void {
    instanceRoutes(app, { ...this.#options, instances: this });
  }

  sweep(): void {
    this.#signed.sweep();
    this.#cleaning.endDormant();
  }

  /**
   * Step 3 of the document: a one-time password, or the token of the simpler variation, is in the mailbox when this resolves.
   * Nothing of it is durable. Throws `mailbox-unknown`, `bad-request`, `rate-limited`, `mailbox-failed`.
   */
  async request(wanted: InstanceRequest, visitor: Visitor, device: string): Promise<InstanceAnswer> {
    this.#limits.request(visitor.address);
    const { deviceId, uid, variation = 'otp' } = wanted;
    const label = shortName(wanted.label ?? '', instanceLimits.labelMax) || device;
    const mailbox = this.#messages.mailbox(wanted.mailbox);
    if (!mailbox.uidPattern.test(uid)) {
      const message = `uid is no id of the mailbox ${mailbox.name}; give the one that signing in there answered`;
      throw new Problem('bad-request', message, { status: 400, retryable: false });
    }
    const asker: Asker = { deviceId, uid, mailbox: mailbox.name, label, address: visitor.address };
    const [value, seconds] =
      variation === 'otp'
        ? [this.#pending.newOtp(asker), instanceLimits.otpSeconds]
        : [this.#pending.newToken(asker), instanceLimits.deliverySeconds];
    try {
      await this.#messages.put(mailbox, { uid, name: variation, value, seconds });
    } catch (error) {
      this.#pending.forget(asker);
      throw error;
    }
    return { boxId: this.#options.boxId, expires_in: seconds };
  }

  /**
   * Step 5: the password is right, so the instance reads this mailbox: it gets a credential, encrypted to its own key. Throws
   * `otp-refused`, `bad-request`, `rate-limited`, `mailbox-failed`.
   */
  async confirm(given: ConfirmRequest, visitor: Visitor): Promise<InstanceAnswer> {
    this.#limits.confirm(visitor.address);
    const { boxId, audit, sessions } = this.#options;
    const { address } = visitor;
    const asker = this.#pending.useOtp(given, given.otp);
    if (asker === undefined) {
      audit.note({ action: 'credential-refused', who: 'app instance', what: 'one-time password', address });
      throw otpRefused();
    }
    this.#limits.confirmed(address);
    const mailbox = this.#messages.mailbox(asker.mailbox);
    this.#cleaning.done(mailbox, { uid: given.uid, name: 'otp' });
    const secrets = { hmac: randomBytes(32), sealing: await newKeptKeys() };
    const made = this.#table.create({ ...asker, address }, secrets);
    const credentials: InstanceCredentials = {
      boxId,
      clientId: made.clientId,
      hmacSecret: secrets.hmac.toString('base64url'),
      boxKey: await publicKeyText(await sealingKeysFrom(secrets.sealing)),
    };
    try {
      const info = sealedFor.credentials(boxId, given.uid);
      const sealed = await sealedTo(given.publicKey, JSON.stringify(credentials), info);
      const seconds = instanceLimits.deliverySeconds;
      const value = JSON.stringify(sealed);
      await this.#messages.put(mailbox, { uid: given.uid, name: 'credentials', value, seconds });
      return { boxId, expires_in: seconds };
    } catch (error) {
      sessions.end(made.session.id);
      throw error;
    }
  }

  /** Whose request it is, when it brings a signature or a token of an instance; its body has to have the digest. */
  prove(request: FastifyRequest): { instance: Instance; bodyDigest?: Uint8Array } | undefined {
    const { 'signature-input': signatureInput, authorization = '' } = request.headers;
    if (signatureInput === undefined) {
      const token = /^Bearer ([\w-]{43})$/i.exec(authorization)?.[1];
      const instance = token === undefined ? undefined : this.#byToken(secretHash('instance', token));
      if (instance === undefined) return undefined;
      this.#table.used(instance);
      return { instance };
    }
    return this.#signedBy(request);
  }

  #signedBy(request: FastifyRequest): { instance: Instance; bodyDigest: Uint8Array } | undefined {
    const { audit, guard } = this.#options;
    let instance: Instance | undefined;
    try {
      const { bodyDigest } = this.#signed.verify(request, (keyid) => {
        instance = this.#table.byClientId(keyid);
        return instance?.secrets?.hmac;
      });
      if (instance === undefined) return undefined;
      this.#table.used(instance);
      return { instance, bodyDigest };
    } catch (error) {
      const { address } = guard.visitor(request);
      if (codeOf(error) === 'signature-refused')
        audit.note({ action: 'credential-refused', who: 'app instance', what: 'signature', address });
      throw error;
    }
  }

  ofSession(session: Session): Instance | undefined {
    return this.#table.bySession(session.id);
  }

  /** An owner said yes: the instance acts in that session from now on. */
  link(instance: Instance, session: Session): void {
    this.#table.link(instance, session);
  }

  /** A token becomes a credential when it is used the first time: then somebody has read the mailbox. */
  #byToken(tokenHash: string): Instance | undefined {
    const known = this.#table.byToken(tokenHash);
    if (known !== undefined) return known;
    const asker = this.#pending.useToken(tokenHash);
    if (asker === undefined) return undefined;
    this.#cleaning.done(this.#messages.mailbox(asker.mailbox), { uid: asker.uid, name: 'token' });
    return this.#table.create(asker, { tokenHash });
  }
}

async function sealedTo(publicKey: string, text: string, info: string): ReturnType<typeof seal> {
  try {
    return await seal(publicKey, text, info);
  } catch (cause) {
    const message = 'publicKey is no point of P-256; give the uncompressed one in base64url';
    throw new Problem('bad-request', message, { status: 400, cause });
  }
}

function otpRefused(): Problem {
  const message = 'the one-time password is wrong, used, or older than a minute; ask for another one';
  return new Problem('otp-refused', message, { status: 401 });
}
