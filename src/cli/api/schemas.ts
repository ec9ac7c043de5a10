import type { TSchema } from 'typebox';
import * as access from '../../protocol/access-api.ts';
import * as account from '../../protocol/account-api.ts';
import * as agent from '../../protocol/agent-api.ts';
import * as approvals from '../../protocol/approvals-api.ts';
import * as audit from '../../protocol/audit-api.ts';
import * as enrolment from '../../protocol/enrolment-api.ts';
import * as instance from '../../protocol/instance-api.ts';
import * as mailbox from '../../protocol/mailbox-api.ts';
import * as pairing from '../../protocol/pairing-api.ts';
import * as registration from '../../protocol/registration-api.ts';
import * as service from '../../protocol/service-api.ts';
import * as update from '../../protocol/update-api.ts';
import * as zone from '../../protocol/zone-api.ts';

/** The schemas of the protocol by the names they have there, which are their names in the documents. */
const people: readonly object[] = [access, account, approvals, audit, service, update];
const programs: readonly object[] = [agent, enrolment, instance, mailbox, pairing, registration, zone];
const names = new Map(
  people
    .concat(programs)
    .flatMap((file) => Object.entries(file))
    .flatMap(([name, value]) => (isSchema(value) ? [[value, name]] : [])),
);

function isSchema(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && ('type' in value || 'anyOf' in value);
}

/** The schemas that a document uses: those with a name stand under it once, the others where they are used. */
export class Schemas {
  readonly #names = new Map<unknown, string>(names);
  readonly #used = new Map<string, object>();

  /** `own`: names beside those of the protocol. */
  constructor(own: Readonly<Record<string, TSchema>>) {
    for (const [name, schema] of Object.entries(own)) this.#names.set(schema, name);
  }

  /** As it stands where it is used. */
  use(schema: TSchema): object {
    const name = this.#names.get(schema);
    return name === undefined ? (this.#copy(schema) as object) : this.#refer(name, schema);
  }

  named(name: string): object {
    const found = [...this.#names].find(([, other]) => other === name);
    if (found === undefined) throw new TypeError(`there is no schema ${name}`);
    return this.#refer(name, found[0] as TSchema);
  }

  /** All that were used, in the order of their names. */
  components(): Record<string, object> {
    return Object.fromEntries([...this.#used].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  #refer(name: string, schema: TSchema): object {
    if (!this.#used.has(name)) {
      this.#used.set(name, {});
      this.#used.set(name, this.#copy(schema) as object);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#within(item));
    if (value instanceof RegExp) return value.source;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#within(inner)]));
  }

  #within(value: unknown): unknown {
    const name = this.#names.get(value);
    return name === undefined ? this.#copy(value) : this.#refer(name, value as TSchema);
  }
}
