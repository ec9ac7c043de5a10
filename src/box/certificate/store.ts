import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Log } from '../../kit/log/log.ts';
import type { ZoneCertificate } from '../facts.ts';
import { checkedPair, type Pair } from './pair.ts';
import { Renewal } from './policy.ts';

/** ACME accounts by directory URL. The key is stored before the account is made, so that a crash makes no second one. */
const Accounts = Type.Record(
  Type.String(),
  Type.Object({
    keyPem: Type.String(),
    url: Type.Optional(Type.String()),
    /** The address for notices that the CA did not take, and what it said. */
    contactRefused: Type.Optional(Type.Object({ contact: Type.String(), said: Type.String() })),
  }),
);
type Account = Static<typeof Accounts>[string];

/** The order under way, with the key of its certificate; without `url`, it may or may not have reached the CA. */
const Order = Type.Object({
  directoryUrl: Type.String(),
  names: Type.Array(Type.String()),
  keyPem: Type.String(),
  url: Type.Optional(Type.String()),
});
export type StoredOrder = Static<typeof Order>;

/** One JSON file that is replaced atomically. What cannot be read counts as absent: all of it can be made again. */
class StateFile<S extends TSchema> {
  readonly #path: string;
  readonly #schema: S;
  readonly #log: Log;
  /** The latest value, also when the disk refused it: what is known must not be forgotten while we run. */
  #value: { is: Static<S> | undefined } | undefined;
  #refused = false;

  constructor(path: string, schema: S, log: Log) {
    this.#path = path;
    this.#schema = schema;
    this.#log = log;
  }

  async read(): Promise<Static<S> | undefined> {
    this.#value ??= { is: await this.#load() };
    return this.#value.is;
  }

  /** Throws `storage-failed`. */
  async write(value: Static<S>): Promise<void> {
    this.#value = { is: value };
    this.#refused = true;
    await writeAtomic(this.#path, `${JSON.stringify(value, null, 2)}\n`);
    this.#refused = false;
  }

  /** Writes again what the disk refused the last time. Throws `storage-failed`. */
  async flush(): Promise<void> {
    if (this.#refused && this.#value?.is !== undefined) await this.write(this.#value.is);
  }

  /** A file that stays does no harm: what it says is recognised as done with. */
  async remove(): Promise<void> {
    this.#value = { is: undefined };
    this.#refused = false;
    await removed(this.#path, this.#log);
  }

  async #load(): Promise<Static<S> | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (Value.Check(this.#schema, value)) return value;
    } catch {
      // Said below.
    }
    this.#log.warn({ path: this.#path }, `${this.#path} is damaged and is not used`);
    return undefined;
  }
}

async function removed(path: string, log: Log): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    log.warn({ path, code: codeOf(error) }, `cannot remove ${path}: ${messageOf(error)}`);
  }
}

/**
 * Everything the certificate part remembers, in one folder. A pair lies in a folder of its own below `pairs/`, and the
 * small file `current` names the one in use: a new pair is complete and checked before one rename puts it in use.
 */
export class CertificateStore {
  readonly order: StateFile<typeof Order>;
  readonly renewal: StateFile<typeof Renewal>;
  readonly #accounts: StateFile<typeof Accounts>;
  readonly #folder: string;
  readonly #log: Log;

  constructor(options: { folder: string; log: Log }) {
    this.#folder = options.folder;
    this.#log = options.log;
    this.#accounts = new StateFile(join(options.folder, 'accounts.json'), Accounts, options.log);
    this.order = new StateFile(join(options.folder, 'order.json'), Order, options.log);
    this.renewal = new StateFile(join(options.folder, 'renewal.json'), Renewal, options.log);
  }

  /**
   * To be called before the CA is asked for anything: makes the folder, and sees that the account and the order are on
   * disk, without which a crash would cost others. Throws `storage-failed`.
   */
  async prepare(): Promise<void> {
    await privateFolder(join(this.#folder, 'pairs'));
    await this.#accounts.flush();
    await this.order.flush();
  }

  /** The pair in use, `undefined` when there was never one. Throws `certificate-unusable`. */
  async current(names: readonly string[]): Promise<ZoneCertificate | undefined> {
    const name = (await readIfThere(join(this.#folder, 'current')))?.trim();
    if (name === undefined) return undefined;
    return this.#load(name, names);
  }

  /** Writes `pair` beside the one in use, checks what was written, and switches to it. Throws `storage-failed`. */
  async use(pair: Pair, names: readonly string[], onStep: (step: string) => void): Promise<ZoneCertificate> {
    const name = checkedPair(pair, names).serial.toLowerCase();
    const folder = join(this.#folder, 'pairs', name);
    await privateFolder(folder);
    await writeAtomic(join(folder, 'key.pem'), pair.keyPem);
    await writeAtomic(join(folder, 'chain.pem'), pair.chainPem);
    onStep('pair-written');
    const certificate = await this.#load(name, names);
    await writeAtomic(join(this.#folder, 'current'), `${name}\n`);
    onStep('pair-switched');
    for (const other of await readdir(join(this.#folder, 'pairs'))) {
      if (other !== name) await removed(join(this.#folder, 'pairs', other), this.#log);
    }
    return certificate;
  }

  async account(directoryUrl: string): Promise<Account | undefined> {
    return (await this.#accounts.read())?.[directoryUrl];
  }

  /** `undefined` forgets the account. */
  async setAccount(directoryUrl: string, account: Account | undefined): Promise<void> {
    const { [directoryUrl]: _, ...others } = (await this.#accounts.read()) ?? {};
    await this.#accounts.write(account === undefined ? others : { ...others, [directoryUrl]: account });
  }

  async #load(name: string, names: readonly string[]): Promise<ZoneCertificate> {
    const folder = join(this.#folder, 'pairs', name);
    const [chainPem, keyPem] = await Promise.all(
      ['chain.pem', 'key.pem'].map((file) => readIfThere(join(folder, file))),
    );
    if (chainPem === undefined || keyPem === undefined) {
      throw new Problem(
        'certificate-unusable',
        `the certificate cannot be used: its files in ${folder} are missing`,
      );
    }
    return checkedPair({ chainPem, keyPem }, names);
  }
}
