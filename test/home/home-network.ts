import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createBridge, createNamespace, type Namespace } from '../support/netns.ts';
import { SpeakingChild } from './speaking-child.ts';

/** Where everything is. The box gets its own from the router. */
export const places = {
  router: '192.168.1.1',
  laptop: '192.168.1.200',
  /** The router's side of the line to the cloud, and the cloud: documentation addresses (RFC 5737). */
  line: '203.0.113.1',
  cloud: '203.0.113.10',
  /** The home's own IPv6 prefix (RFC 4193), announced by the router. */
  ulaPrefix: 'fd12:3456:789a:1::',
} as const;

interface RouterOptions {
  /** Its resolver asks the cloud for names below this. */
  zoneRoot: string;
  /** Drop private addresses from answers, as OpenWrt does by default. */
  rebindingFilter?: boolean;
  /** Further names that its resolver knows, with their addresses. */
  names?: Readonly<Record<string, string>>;
}

/**
 * A home and the internet, in namespaces: a switch with router, box and laptop; behind the router, the cloud.
 *
 *     box ──┐
 *           ├─ lan ── router ── cloud
 *     laptop┘
 *
 * The router is dnsmasq: DHCP for the box by reservation, router advertisements, and the home's resolver. The box runs
 * udhcpc. There is no address translation: the cloud sees the home's own addresses, and has a route back.
 */
export interface HomeNetwork {
  readonly router: Namespace;
  readonly box: Namespace;
  readonly laptop: Namespace;
  readonly cloud: Namespace;
  /** For what runs inside; removed with the home. */
  readonly folder: string;
  /** Starts the router, or starts it again with other options. */
  startRouter(options: RouterOptions): Promise<void>;
  /** Starts the box's DHCP client, which gets `address`. */
  plugInBox(address: string): Promise<void>;
  /**
   * In the place of the box’s namespace, which becomes a part of the switch: a tap device in it for a virtual machine.
   * Answers its name. The machine with this hardware address gets `address` from the router.
   */
  plugInMachine(mac: string, address: string): Promise<string>;
  /** The router shares its one address on the line with the whole home, as home routers do (NAT). */
  shareAddress(): void;
  /** The router has another address for the box from now on: the lease is given back and a new one taken. */
  changeLease(address: string): Promise<void>;
  /** The same, in the way of a router that refuses the renewal (it takes the client three seconds). */
  refuseLease(address: string): Promise<void>;
  /** Ends all processes inside and removes all namespaces. */
  remove(): void;
}

export function createHomeNetwork(): HomeNetwork {
  const [lan, router, box, laptop, cloud] = [
    createBridge(),
    createNamespace(),
    createNamespace(),
    createNamespace(),
    createNamespace(),
  ];
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-home-'));
  const leases = join(folder, 'reservations');
  let dnsmasq: SpeakingChild | undefined;
  let udhcpc: SpeakingChild | undefined;

  const toLan = (namespace: Namespace, port: string, addresses: string[] = []): void =>
    connect({ namespace, interface: 'eth0', addresses }, { namespace: lan, interface: port });
  router.exec('sh', [
    '-c',
    'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
  ]);
  toLan(router, 'p0', [`${places.router}/24`, `${places.ulaPrefix}1/64`]);
  toLan(box, 'p1');
  toLan(laptop, 'p2', [`${places.laptop}/24`]);
  laptop.exec('ip', ['route', 'add', 'default', 'via', places.router]);
  connect(
    { namespace: router, interface: 'wan0', addresses: [`${places.line}/24`] },
    { namespace: cloud, interface: 'eth0', addresses: [`${places.cloud}/24`] },
  );
  cloud.exec('ip', ['route', 'add', '192.168.0.0/16', 'via', places.line]);

  const script = join(folder, 'udhcpc-script');
  writeFileSync(script, dhcpScript, { mode: 0o755 });
  const boxMac = box.exec('cat', ['/sys/class/net/eth0/address']).trim();

  const reserve = async (address: string, mac = boxMac): Promise<void> => {
    writeFileSync(leases, `${mac},${address}\n`);
    const from = dnsmasq?.lines.length;
    dnsmasq?.signal('SIGHUP');
    await dnsmasq?.until((line) => line.includes(`read ${leases}`) || undefined, from);
  };
  const configured = async (address: string, signal?: NodeJS.Signals): Promise<void> => {
    const from = udhcpc?.lines.length;
    if (signal !== undefined) udhcpc?.signal(signal);
    await udhcpc?.until((line) => line === `configured ${address}` || undefined, from);
  };
  /** Two signals at once would reach the client in the order of their numbers. */
  const released = async (): Promise<void> => {
    const from = udhcpc?.lines.length;
    udhcpc?.signal('SIGUSR2');
    await udhcpc?.until((line) => line.includes('entering released state') || undefined, from);
  };

  return {
    router,
    box,
    laptop,
    cloud,
    folder,
    startRouter: async ({ zoneRoot, rebindingFilter = false, names = {} }) => {
      await dnsmasq?.stop();
      const args = [
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--user=root',
        '--pid-file=',
        '--log-facility=-',
        '--interface=eth0',
        '--bind-interfaces',
        '--no-resolv',
        '--no-hosts',
        `--server=/${zoneRoot}/${places.cloud}`,
        ...Object.entries(names).map(([name, address]) => `--address=/${name}/${address}`),
        '--dhcp-range=192.168.1.0,static,255.255.255.0,1h',
        `--dhcp-hostsfile=${leases}`,
        `--dhcp-leasefile=${join(folder, 'leases')}`,
        '--dhcp-authoritative',
        '--no-ping',
        '--enable-ra',
        `--dhcp-range=${places.ulaPrefix},ra-only`,
        ...(rebindingFilter ? ['--stop-dns-rebind'] : []),
      ];
      writeFileSync(leases, '', { flag: 'a' });
      dnsmasq = new SpeakingChild(router.spawn('dnsmasq', args));
      await dnsmasq.until((line) => line.includes(`read ${leases}`) || undefined);
    },
    plugInBox: async (address) => {
      await reserve(address);
      const args = ['-f', '-i', 'eth0', '-s', script, '-t', '20', '-T', '1'];
      udhcpc = new SpeakingChild(box.spawn('udhcpc', args));
      await configured(address);
    },
    plugInMachine: async (mac, address) => {
      await reserve(address, mac);
      box.exec('sh', [
        '-ec',
        `ip link add br0 type bridge forward_delay 0 mcast_snooping 0
         ip tuntap add tap0 mode tap
         for end in eth0 tap0; do ip link set $end master br0; ip link set $end up; done
         ip link set br0 up`,
      ]);
      return 'tap0';
    },
    shareAddress: () => {
      const rules =
        'table ip nat { chain out { type nat hook postrouting priority srcnat; oifname wan0 masquerade; }; }';
      router.exec('nft', [rules]);
    },
    changeLease: async (address) => {
      await reserve(address);
      await released();
      await configured(address, 'SIGUSR1');
    },
    refuseLease: async (address) => {
      await reserve(address);
      await configured(address, 'SIGUSR1');
    },
    remove: () => {
      for (const namespace of [box, laptop, router, cloud, lan]) namespace.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What DHCP clients' scripts do, without touching anything outside of the namespace: no /etc/resolv.conf. */
const dhcpScript = `#!/bin/sh
case $1 in
deconfig)
  ip -4 address flush dev $interface
  ip link set $interface up
  ;;
bound | renew)
  if ! ip -4 address show dev $interface | grep -q " $ip/"; then
    ip -4 address flush dev $interface
    ip address add $ip/$mask broadcast + dev $interface
    ip route add default via $router dev $interface
  fi
  echo "configured $ip"
  ;;
esac
`;
