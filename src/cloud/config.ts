import { type Static, Type } from 'typebox';
import { domainPattern, logSettings, portSetting } from '../kit/config/common-settings.ts';
import type { DeepReadonly } from '../kit/config/config.ts';

const text = (description: string, more: object = {}): ReturnType<typeof Type.String> =>
  Type.String({ default: '', description, ...more });

const host = (): ReturnType<typeof Type.String> =>
  Type.String({ default: '::', minLength: 1, description: 'address to listen on' });

/** Every setting of `porchlight cloud` and its parts. docs/CONFIGURATION.md is generated from here. */
export const CloudConfig = Type.Object({
  state: Type.String({
    default: '/var/lib/porchlight-cloud',
    minLength: 1,
    description: 'folder for the stores and keys of the cloud',
  }),
  log: logSettings,
  zone: Type.Object({
    root: Type.String({
      default: 'box.porchlight.example',
      pattern: domainPattern,
      allowed: 'a domain name in lower case',
      description: 'the domain below which each box gets its zone',
    }),
  }),
  tls: Type.Object({
    certFile: text(
      'PEM file with the certificate chain of the zone API, the registration-server, the mailbox and the app',
    ),
    keyFile: text('PEM file with the key that belongs to it'),
  }),
  dns: Type.Object({
    hosts: Type.Array(Type.String({ minLength: 1 }), {
      default: ['0.0.0.0', '::'],
      description: 'addresses to answer DNS on',
    }),
    port: portSetting(53, 'DNS port, UDP and TCP'),
    nameServers: Type.Record(
      Type.String({ pattern: domainPattern }),
      Type.String({ pattern: '^[0-9a-fA-F.:]+( [0-9a-fA-F.:]+)*$' }),
      {
        default: {},
        allowed: 'name=ADDRESS, several separated by commas; several addresses of one by spaces',
        description:
          'the authoritative servers of the zone root and their public addresses; empty: ns1.<zone root> at dns.hosts, which must then name each address',
      },
    ),
    contact: Type.String({
      default: '',
      pattern: '^([A-Za-z0-9._+-]{1,60}@[a-z0-9.-]{1,190})?$',
      allowed: 'a mail address',
      description: 'who answers for the zone root, for its SOA record; empty: hostmaster at the zone root',
    }),
    caaIssuers: Type.Array(Type.String({ pattern: domainPattern }), {
      default: ['letsencrypt.org'],
      description: 'the CAs that may issue for boxes (CAA)',
    }),
    acceptSha1Zones: Type.Boolean({
      default: false,
      description: 'also serve clients of 2016, whose zones are named by the SHA-1 fingerprint',
    }),
  }),
  zoneApi: Type.Object({ host: host(), port: portSetting(5300, 'HTTPS port of the zone API') }),
  registration: Type.Object({
    host: host(),
    port: portSetting(4443, 'HTTPS port of the registration-server'),
    apps: Type.Array(Type.String({ pattern: '^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$' }), {
      default: [],
      allowed: 'https://HOST or https://HOST:PORT, several separated by commas',
      description:
        'the apps whose pages may ask which boxes are near: the hosted app as browsers reach it, and others that you trust with it',
    }),
    trustedProxies: Type.Array(Type.String({ pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$' }), {
      default: [],
      description: 'addresses or networks of reverse proxies whose word on the caller’s address is taken',
    }),
  }),
  mailbox: Type.Object({ host: host(), port: portSetting(4445, 'HTTPS port of the mailbox') }),
  app: Type.Object({
    host: host(),
    port: portSetting(8444, 'HTTPS port of the hosted app'),
    folder: text('folder with the built app; empty: the one that comes with Porchlight'),
    registration: Type.String({
      default: '',
      pattern: '^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?$',
      allowed: 'https://HOST or https://HOST:PORT',
      description: 'the registration-server, as browsers reach it; the app asks it which boxes are near',
    }),
  }),
  relay: Type.Object(
    {
      host: host(),
      port: portSetting(443, 'port for boxes and visitors alike'),
      publicPort: portSetting(0, 'the port that visitors use, when it is not `relay.port`; 0: the same'),
      // The PageKite client takes no IPv6 address here; by a name it goes over IPv6 too.
      endpoints: Type.Array(Type.String({ pattern: '^[A-Za-z0-9._-]+:[0-9]{1,5}$' }), {
        default: [],
        allowed: 'NAME:PORT or IPV4:PORT, several separated by commas',
        description: 'where boxes find the relays, by IPv4 or IPv6 as the name says',
      }),
      addresses: Type.Array(Type.String({ pattern: '^[0-9a-fA-F.:]+$' }), {
        default: [],
        description: 'public addresses of the relays, for the tunnel names of boxes',
      }),
      certName: text(
        'name on the certificate that boxes check when they connect; empty: boxes connect without TLS of the relay’s own',
      ),
      certFile: text('PEM file with the certificate chain for `relay.cert-name`'),
      keyFile: text('PEM file with the key that belongs to it'),
      caFile: text('PEM file of a private CA that boxes shall trust for it; empty: their system’s'),
      masterKeyFile: text(
        'file with 32 or more random bytes from which boxes’ tunnel secrets are derived, the same for dns-server and relays; empty: made in the state folder',
      ),
    },
    { formerly: 'frontend' },
  ),
  system: Type.Object({ port: portSetting(4481, 'loopback port of /healthz, /metrics and /status') }),
});

export type CloudConfig = DeepReadonly<Static<typeof CloudConfig>>;
