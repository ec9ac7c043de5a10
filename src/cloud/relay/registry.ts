import type { BoxId } from '../../protocol/names.ts';
import type { BoxTunnel } from './box-tunnel.ts';
import type { Run } from './handshake.ts';
import type { FairShares } from '../../kit/http/fair-shares.ts';
import type { Stream } from './stream.ts';

/** One box and its tunnels: one, and for a while two after a take-over. Limits count here. */
export class Box {
  readonly boxId: BoxId;
  /** The places of its visitors, in all tunnels. */
  readonly visitors: FairShares<Stream>;
  readonly tunnels = new Set<BoxTunnel>();

  constructor(boxId: BoxId, visitors: FairShares<Stream>) {
    this.boxId = boxId;
    this.visitors = visitors;
  }

  /** Bytes that wait for visitors of this box. */
  get buffered(): number {
    return [...this.tunnels].reduce((sum, tunnel) => sum + tunnel.buffered, 0);
  }

  /** Who holds most is who reads least. */
  get slowest(): Stream | undefined {
    const streams = [...this.tunnels].flatMap((tunnel) => [...tunnel.streams.values()]);
    return streams.toSorted((a, b) => b.buffered - a.buffered)[0];
  }
}

/** Which tunnel serves which name. The newest proof of a name wins. */
export class Registry {
  readonly #boxes = new Map<BoxId, Box>();
  readonly #byName = new Map<string, BoxTunnel>();

  get tunnels(): BoxTunnel[] {
    return [...this.#boxes.values()].flatMap((box) => [...box.tunnels]);
  }

  find(name: string): BoxTunnel | undefined {
    return this.#byName.get(name);
  }

  /** The box as it is known, or a new one that `add` will keep. */
  box(boxId: BoxId, visitors: () => FairShares<Stream>): Box {
    return this.#boxes.get(boxId) ?? new Box(boxId, visitors());
  }

  /** Of its tunnels; see `isCopy`. */
  runs(boxId: BoxId): (Run | undefined)[] {
    return [...(this.#boxes.get(boxId)?.tunnels ?? [])].map(({ boxRun }) => boxRun);
  }

  /** Puts `tunnel` in charge of its names. Answers the tunnels that are left without any. */
  add(tunnel: BoxTunnel): BoxTunnel[] {
    this.#boxes.set(tunnel.box.boxId, tunnel.box);
    tunnel.box.tunnels.add(tunnel);
    const before = new Set<BoxTunnel>();
    for (const name of tunnel.names) {
      const old = this.#byName.get(name);
      if (old !== undefined) before.add(old);
      this.#byName.set(name, tunnel);
    }
    return [...before].filter((old) => old.names.every((name) => this.#byName.get(name) !== old));
  }

  remove(tunnel: BoxTunnel): void {
    tunnel.box.tunnels.delete(tunnel);
    if (tunnel.box.tunnels.size === 0) this.#boxes.delete(tunnel.box.boxId);
    for (const name of tunnel.names) if (this.#byName.get(name) === tunnel) this.#byName.delete(name);
  }
}
