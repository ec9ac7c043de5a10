import { derived, type Fact } from '../../../kit/runtime/fact.ts';
import { addressName, type ZoneNames } from '../../../protocol/names.ts';
import type { HomeNetwork, MdnsState } from '../../facts.ts';

const loopback = ['localhost', '127.0.0.1', '::1'];

/** Names and addresses by which a device at home, or a program on the box itself, may reach the secure port. */
export function serverNames(
  names: ZoneNames,
  network: Fact<HomeNetwork>,
  mdns: Fact<MdnsState>,
): Fact<readonly string[]> {
  return derived([network, mdns], () => {
    const addresses = network.value.interfaces.flatMap((each) => each.addresses);
    return [
      ...new Set([
        names.main,
        ...Object.values(names.mirrors),
        ...addresses.flatMap((address) => addressName(address, names.main) ?? []),
        ...(mdns.value.host === undefined ? [] : [mdns.value.host]),
        ...addresses,
        ...loopback,
      ]),
    ];
  });
}
