import type { Residents } from './residents.ts';
import { actionKey, type Ledger } from './ledger.ts';

/** Deeds whose object is known; of the others only how many there are. */
const withObject = new Set(['person-invited', 'person-removed', 'approval-allowed']);

/**
 * Looks whether a box still has all that was answered, and has a record of each action. What may or may not have happened is
 * known afterwards: the ledger is then as the box is.
 */
export class Inspection {
  readonly #residents: Residents;
  readonly #ledger: Ledger;
  /** Of the record, as it was read so far. */
  readonly #recorded = new Map<string, number>();
  #last = 0;
  #lastEntry = '';

  constructor(options: { residents: Residents; ledger: Ledger }) {
    this.#residents = options.residents;
    this.#ledger = options.ledger;
  }

  /** What is lost, in words; empty when nothing is. */
  async look(status: { boxId: string; setupCode: string | null }): Promise<string[]> {
    const ledger = this.#ledger;
    if (status.boxId !== ledger.boxId) return [`the box is another one: ${status.boxId}`];
    if (status.setupCode !== null) return ['the box waits for its first person'];
    return [
      ...(await this.#cookies()),
      ...(await this.#people()),
      ...(await this.#settings()),
      ...(await this.#clients()),
      ...(await this.#app()),
      ...(await this.#record()),
    ];
  }

  async #cookies(): Promise<string[]> {
    const lost: string[] = [];
    const stage = async (cookie: string): Promise<unknown> =>
      (await this.#residents.session(cookie)).json['stage'];
    for (const cookie of this.#ledger.cookies.slice())
      if ((await stage(cookie)) !== 'in') {
        lost.push('a session is gone');
        this.#ledger.cookies.splice(this.#ledger.cookies.indexOf(cookie), 1);
      }
    for (const cookie of this.#ledger.ended.slice(-4))
      if ((await stage(cookie)) === 'in') lost.push('a session that was ended is good again');
    if (this.#ledger.cookies.length === 0) throw new Error('all sessions are gone: the run cannot go on');
    return lost;
  }

  async #people(): Promise<string[]> {
    const { people, peopleAsked, removalsAsked } = this.#ledger;
    const answer = await this.#residents.asOwner('GET', '/api/people');
    const found = new Map(
      (answer.json['people'] as { id: string; name: string }[]).map(({ id, name }) => [id, name]),
    );
    const lost: string[] = [];
    for (const [id, name] of people)
      if (found.get(id) !== name && !removalsAsked.has(id))
        lost.push(`the person ${name} is ${found.get(id) ?? 'gone'}`);
    for (const [id, name] of found)
      if (!people.has(id) && !peopleAsked.has(name)) lost.push(`the person ${name} is there again`);
    // An action that was cut off has its event if it was done, and has none if it was not.
    for (const [id, name] of found) if (!people.has(id)) this.#ledger.answered('person-invited', name);
    for (const id of removalsAsked)
      if (!found.has(id)) this.#ledger.answered('person-removed', people.get(id) ?? '');
    people.clear();
    for (const [id, name] of found) people.set(id, name);
    peopleAsked.clear();
    removalsAsked.clear();
    return lost;
  }

  async #settings(): Promise<string[]> {
    const { json } = await this.#residents.asOwner('GET', '/api/settings');
    const name = String(json['name']);
    const known = this.#ledger.boxNames.length === 0 || this.#ledger.boxNames.includes(name);
    const expected = this.#ledger.boxNames.join(' or ');
    this.#ledger.boxNames = [name];
    return known ? [] : [`the box is called ${name} and not ${expected}`];
  }

  async #clients(): Promise<string[]> {
    const lost: string[] = [];
    for (const clientId of this.#ledger.clients) {
      const { status } = await this.#residents.askAsClient(clientId);
      if (status !== 200 && status !== 429) lost.push(`an allowed program is answered ${status}`);
    }
    return lost;
  }

  /** It goes on with what it has, also when the last answer did not reach it. */
  async #app(): Promise<string[]> {
    const answer = await this.#residents.refresh();
    if (answer === undefined || answer.status === 200) return [];
    await this.#residents.connectAgain();
    return [`the app's session is over: ${String(answer.json['error_description'])}`];
  }

  async #record(): Promise<string[]> {
    interface Entry {
      id: number;
      action: string;
      what: string;
    }
    const fresh: Entry[] = [];
    let before: string | undefined;
    let kept = this.#last === 0;
    read: for (;;) {
      const query = before === undefined ? '' : `?before=${before}`;
      const answer = await this.#residents.asOwner('GET', `/api/audit${query}`);
      const entries = answer.json['entries'] as Entry[];
      for (const entry of entries) {
        if (entry.id === this.#last) kept = JSON.stringify(entry) === this.#lastEntry;
        if (entry.id <= this.#last) break read;
        fresh.push(entry);
      }
      if (entries.length === 0) break;
      before = String(entries.at(-1)?.id);
    }
    for (const { action, what } of fresh) {
      const key = actionKey(action, withObject.has(action) ? what : '');
      this.#recorded.set(key, (this.#recorded.get(key) ?? 0) + 1);
    }
    if (fresh[0] !== undefined) {
      this.#last = fresh[0].id;
      this.#lastEntry = JSON.stringify(fresh[0]);
    }
    const lost = kept ? [] : ['entries of the record are gone'];
    return [...lost, ...this.#ledger.differences(this.#recorded)];
  }
}
