import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long the way from the list to a box may take. */
const linkMs = 60_000;

/**
 * Who may use the door: whoever opened the address that was printed, and nobody else on this computer. A ticket is in an
 * address, works once and for one name; it is exchanged for a cookie of that name.
 */
export class ProxyKeys {
  readonly #secret = randomBytes(32);
  readonly #tickets = new Map<string, { name: string; until: number }>();

  /** For the address that is printed: good until it is used. */
  first(name: string): string {
    return this.#ticket(name, Number.POSITIVE_INFINITY);
  }

  /** For a link, `now` in ms. */
  next(name: string, now: number): string {
    for (const [ticket, { until }] of this.#tickets) if (until < now) this.#tickets.delete(ticket);
    return this.#ticket(name, now + linkMs);
  }

  /** Whether the ticket is good for this name now. It is none afterwards. */
  redeem(ticket: string, name: string, now: number): boolean {
    const found = this.#tickets.get(ticket);
    if (found === undefined || found.name !== name) return false;
    this.#tickets.delete(ticket);
    return now <= found.until;
  }

  cookie(name: string): string {
    return createHmac('sha256', this.#secret).update(name).digest('base64url');
  }

  opens(cookie: string | undefined, name: string): boolean {
    const [given, expected] = [Buffer.from(cookie ?? ''), Buffer.from(this.cookie(name))];
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #ticket(name: string, until: number): string {
    const ticket = randomBytes(24).toString('base64url');
    this.#tickets.set(ticket, { name, until });
    return ticket;
  }
}
