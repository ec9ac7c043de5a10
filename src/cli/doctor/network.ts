import { type Check, failure, ok, warning } from './check.ts';

/** Has this machine an address on the home network, and does the box know it? */
export const addressCheck: Check = {
  name: 'address',
  run: async ({ network, status, config }) => {
    const { interfaces, addresses } = await network;
    if (addresses.length === 0) {
      const only = config.network.interfaces.join(', ');
      return failure(
        `none on the home network${only === '' ? '' : ` (network.interfaces: ${only})`}`,
        'check the cable or the wireless to the router, and that the router hands out addresses (DHCP)',
      );
    }
    const where = interfaces.find(({ preferred }) => preferred)?.name ?? '';
    const found = `${addresses.join(', ')} on ${where}`;
    const known = (await status)?.addresses;
    if (known === undefined || known.some((address) => addresses.includes(address))) return ok(found);
    return warning(
      `${found}, but the running box knows ${known.join(', ') || 'none'}`,
      'give it a minute; then check that both have the same network.interfaces, and restart the box',
    );
  },
};
