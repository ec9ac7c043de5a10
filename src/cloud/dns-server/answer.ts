import type { Node } from './served-zone.ts';
import {
  AnswerWriter,
  classes,
  headerOnly,
  parseQuery,
  type Query,
  rcode,
  type Transport,
  type,
} from './wire.ts';
import type { ZoneView } from './zone-view.ts';

/** Types that are answered at an alias itself (RFC 1034, 3.6.2; RFC 4035, 2.5). */
const besideAlias: ReadonlySet<number> = new Set([type.CNAME, type.RRSIG, type.NSEC, type.ANY]);

export interface Answered {
  response: Buffer;
  rcode: number;
  /** The response ends with an OPT record. */
  edns: boolean;
  /** What the answer was made from: equal for all answers that one flood of forged queries would bring forth. */
  source: string;
}

/**
 * Query in, response out; `undefined` when nothing is to be answered. Never throws: what the store cannot give is SERVFAIL.
 *
 * - Outside the zone root, another class, or a zone transfer: REFUSED.
 * - ANY: the first record set of the name (RFC 8482, 4.1), so that it is of no use for amplification.
 * - CNAME: followed until it leaves the zone or comes back to a name it was at; the code is that of the last name
 *   (RFC 6604, 3).
 * - No such name or no such type: NXDOMAIN or NOERROR with the SOA record (RFC 2308).
 */
export class Answerer {
  readonly #view: ZoneView;
  readonly #onFailure: (error: unknown) => void;
  readonly #writer = new AnswerWriter();

  /** `onFailure` is told what was answered with SERVFAIL. */
  constructor(options: { view: ZoneView; onFailure: (error: unknown) => void }) {
    this.#view = options.view;
    this.#onFailure = options.onFailure;
  }

  answer(packet: Buffer, transport: Transport): Answered | undefined {
    const parsed = parseQuery(packet);
    if ('unreadable' in parsed) {
      const { unreadable } = parsed;
      if (unreadable === undefined) return undefined;
      const { rcode: code } = unreadable;
      return { response: headerOnly(unreadable), rcode: code, edns: false, source: 'unreadable' };
    }
    const { query } = parsed;
    this.#writer.begin(query, transport);
    try {
      return this.#resolve(query);
    } catch (error) {
      this.#onFailure(error);
      this.#writer.begin(query, transport);
      return this.#finish(query, rcode.SERVFAIL, false, 'failure');
    }
  }

  #resolve(query: Query): Answered {
    if ((query.edns?.version ?? 0) > 0) return this.#finish(query, rcode.BADVERS, false, 'refused');
    if (query.opcode !== 0) return this.#finish(query, rcode.NOTIMP, false, 'refused');
    const depth = query.labels.length - this.#view.rootLabels.length;
    const outside =
      depth < 0 || this.#view.rootLabels.some((label, index) => query.labels[depth + index] !== label);
    const wanted = query.class === classes.IN || query.class === classes.ANY;
    if (outside || !wanted || query.type === type.AXFR || query.type === type.IXFR) {
      return this.#finish(query, rcode.REFUSED, false, 'refused');
    }
    const rootOwner = query.offsets[depth] ?? 0;
    let labels = query.labels.slice(0, depth);
    let owner = query.offsets[0] ?? 0;
    const followed: Node[] = [];
    for (;;) {
      const { node, source } = this.#view.find(labels);
      if (node === undefined) return this.#negative(query, rcode.NXDOMAIN, rootOwner, source);
      const alias = node.get(type.CNAME);
      if (alias?.target === undefined || besideAlias.has(query.type)) {
        return this.#positive(query, node, owner, rootOwner, source);
      }
      const next = this.#inside(alias.target);
      const loop = followed.includes(node);
      if (!loop) this.#writer.add(0, owner, alias.records);
      if (loop || next === undefined) return this.#finish(query, rcode.NOERROR, true, source);
      followed.push(node);
      // The data of the CNAME just written ends with the name the next records belong to.
      owner = this.#writer.offset - (alias.target.length + 2);
      labels = next;
    }
  }

  #positive(query: Query, node: Node, owner: number, rootOwner: number, source: string): Answered {
    const rrType =
      query.type === type.ANY ? ([...node.keys()].toSorted((a, b) => a - b)[0] ?? type.ANY) : query.type;
    const rrset = node.get(rrType);
    if (rrset === undefined) return this.#negative(query, rcode.NOERROR, rootOwner, source);
    this.#writer.add(0, owner, rrset.records);
    if (rrType === type.NS) for (const glue of this.#view.glue) this.#writer.add(2, glue.owner, glue.records);
    return this.#finish(query, rcode.NOERROR, true, source);
  }

  #negative(query: Query, code: number, rootOwner: number, source: string): Answered {
    this.#writer.add(1, rootOwner, this.#view.soa.records);
    return this.#finish(query, code, true, source);
  }

  #finish(query: Query, code: number, authoritative: boolean, source: string): Answered {
    const response = this.#writer.finish(query, code, authoritative);
    return { response, rcode: code, edns: query.edns !== undefined, source };
  }

  /** Labels left of the zone root of a name inside it. */
  #inside(name: string): string[] | undefined {
    const root = this.#view.rootLabels.join('.');
    if (name === root) return [];
    return name.endsWith(`.${root}`) ? name.slice(0, -root.length - 1).split('.') : undefined;
  }
}
