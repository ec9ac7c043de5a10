/** The changes that owe an event, by table: `update` only where it is no mere use (a counter, a time). */
const actions: Readonly<Record<string, readonly string[]>> = {
  person: ['insert', 'update', 'delete'],
  passkey: ['insert', 'delete'],
  session: ['insert', 'delete'],
  approval: ['insert', 'delete'],
  totp: ['insert', 'delete'],
  device_certificate: ['insert'],
};

/** Whether `sql` does something that belongs into the audit log. */
export function isAudited(sql: string): boolean {
  const [, verb = '', table = ''] =
    /^\s*(INSERT|UPDATE|DELETE)\s(?:OR \w+ |INTO |FROM )*(\w+)/.exec(sql) ?? [];
  return actions[table]?.includes(verb.toLowerCase()) === true;
}

/**
 * What a transaction owes the audit log: each that holds such a change must hold its event too, else a cut in between leaves the one
 * without the other, and a forgotten event is noticed by nobody. Kept by the store, which refuses to commit what is owed.
 */
export class OwedEvents {
  #demanded = false;
  #owed: string | undefined;
  #told = false;

  /** From now on; before, parts of access are tested by themselves. */
  demand(): void {
    this.#demanded = true;
  }

  begin(): void {
    this.#owed = undefined;
    this.#told = false;
  }

  /** Something was done that owes an event. */
  owe(what: string): void {
    this.#owed ??= what;
  }

  /** Its event was written, or left out on purpose (strangers’, of which there are too many). */
  tell(): void {
    this.#told = true;
  }

  /** Throws when such a change is about to be committed without an event: a mistake in the program. */
  settle(): void {
    if (!this.#demanded || this.#owed === undefined || this.#told) return;
    throw new Error(`a change without an audit event in its transaction: ${this.#owed}`);
  }
}
