/** How often something was answered, and how often it may have happened besides: asked for, and cut off. */
interface Count {
  sure: number;
  perhaps: number;
}

/**
 * What a residents was answered, apart from the box: what it must still find after whatever happened. What was asked for and
 * not answered may have happened or not, until somebody looks.
 */
export class Ledger {
  boxId = '';
  /** Name by id. */
  readonly people = new Map<string, string>();
  readonly peopleAsked = new Set<string>();
  readonly removalsAsked = new Set<string>();
  /** Cookies of sessions that are good, and of those that must never be good again. */
  readonly cookies: string[] = [];
  readonly ended: string[] = [];
  /** One of these is the name of the box. */
  boxNames: string[] = [];
  /** Programs that an owner allowed. */
  readonly clients: string[] = [];
  /** The refresh token that an app holds. */
  refreshToken: string | undefined;
  /** Zones and announcements of other boxes at the cloud: one of these is what it holds. */
  readonly zones = new Map<string, string[]>();
  readonly #actions = new Map<string, Count>();

  /** It was done. */
  audited(action: string, what: string): void {
    this.#count(action, what).sure++;
  }

  /** It is asked for. */
  perhaps(action: string, what: string): void {
    this.#count(action, what).perhaps++;
  }

  /** What was asked for was answered. */
  answered(action: string, what: string): void {
    const count = this.#count(action, what);
    count.perhaps--;
    count.sure++;
  }

  /** What is wrong with a record that holds each of these so many times. */
  differences(found: ReadonlyMap<string, number>): string[] {
    const wrong: string[] = [];
    for (const [key, count] of this.#actions) {
      const times = found.get(key) ?? 0;
      if (times < count.sure) wrong.push(`${key} was answered ${count.sure} times, and recorded ${times}`);
      if (times > count.sure + count.perhaps)
        wrong.push(`${key} was asked for ${count.sure + count.perhaps} times, and recorded ${times}`);
      // From now on this is what is known.
      Object.assign(count, { sure: times, perhaps: 0 });
    }
    return wrong;
  }

  #count(action: string, what: string): Count {
    const key = actionKey(action, what);
    const count = this.#actions.get(key) ?? { sure: 0, perhaps: 0 };
    this.#actions.set(key, count);
    return count;
  }
}

export const actionKey = (action: string, what: string): string => `${action} ${what}`.trim();
