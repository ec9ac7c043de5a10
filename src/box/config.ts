import { type Static, Type } from 'typebox';
import { domainPattern, logSettings, portSetting } from '../kit/config/common-settings.ts';
import type { DeepReadonly } from '../kit/config/config.ts';
import { updateChannels } from '../protocol/update-api.ts';

const file = (description: string): ReturnType<typeof Type.String> =>
  Type.String({ default: '', description });

const origin = (preset: string, description: string): ReturnType<typeof Type.String> =>
  Type.String({
    default: preset,
    pattern: '^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$',
    allowed: 'https://HOST or https://HOST:PORT',
    description,
  });

const url = (
  preset: string,
  pattern: string,
  allowed: string,
  description: string,
): ReturnType<typeof Type.String> => Type.String({ default: preset, pattern, allowed, description });

/** Every setting of `porchlight box`. docs/CONFIGURATION.md is generated from here. */
export const BoxConfig = Type.Object({
  state: Type.String({
    default: '/var/lib/porchlight',
    minLength: 1,
    description: 'folder for everything the box must not forget: identity, account, certificate',
  }),
  name: Type.String({
    default: 'Porchlight',
    minLength: 1,
    maxLength: 63,
    description: 'the box’s name, as people see it',
  }),
  log: logSettings,
  network: Type.Object({
    interfaces: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_.@-]{1,15}$' }), {
      default: [],
      description: 'use these network interfaces and no others; empty: all that lead to a home network',
    }),
  }),
  zone: Type.Object({
    root: Type.String({
      default: 'box.porchlight.example',
      pattern: domainPattern,
      allowed: 'a domain name in lower case',
      description: 'the domain below which the cloud gives each box its zone',
    }),
    mirrors: Type.Array(Type.String({ pattern: '^[a-z]$' }), {
      default: ['a', 'b'],
      minItems: 2,
      maxItems: 8,
      description: 'labels of the mirror names, one letter each',
    }),
    resolvers: Type.Array(Type.String({ pattern: '^[0-9a-fA-F.:]+$|^\\[[0-9a-fA-F:]+\\]:[0-9]+$' }), {
      default: [],
      description:
        'the home’s own resolvers, asked to find rebinding filters; empty: those of /etc/resolv.conf',
    }),
  }),
  cloud: Type.Object({
    zoneApi: origin('https://dns.porchlight.example:5300', 'the dns-server’s API'),
    registration: origin('https://registration.porchlight.example:4443', 'the registration-server'),
    mailbox: url(
      '',
      '^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?$',
      'https://HOST, https://HOST:PORT or nothing',
      'the mailbox, by which app instances are let in; empty: none',
    ),
    caFile: file('PEM file of a private CA to trust for these; empty: the system’s'),
  }),
  firebase: Type.Object({
    database: url(
      '',
      '^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?$',
      'https://HOST, https://HOST:PORT or nothing',
      'a Firebase Realtime Database as another mailbox; empty: none',
    ),
    serviceAccountFile: file('JSON file with the key of the service account that may write there'),
  }),
  acme: Type.Object({
    directory: url(
      'https://acme-v02.api.letsencrypt.org/directory',
      '^https://.+',
      'an https URL',
      'the CA’s ACME directory',
    ),
    staging: url(
      '',
      '^(https://.+)?$',
      'an https URL or nothing',
      'the CA’s staging directory, tried before a third attempt; empty: none',
    ),
    contact: url(
      '',
      '^([^@ ]+@[^@ ]+)?$',
      'an email address or nothing',
      'email address for the CA’s notices; empty: none',
    ),
    profile: Type.String({
      default: '',
      maxLength: 64,
      description: 'certificate profile to ask for where the CA lists it',
    }),
    agreeToTerms: Type.Boolean({
      default: true,
      description: 'the terms of service of the CA are agreed to; without that it issues nothing',
    }),
    caFile: file(
      'PEM file of a private CA to trust for the ACME directory and for the certificates it issues',
    ),
    eabKid: Type.String({
      default: '',
      maxLength: 256,
      description:
        'for a CA that wants an account made elsewhere (external account binding): the key identifier it gave; empty: none',
    }),
    eabHmacKeyFile: file('file with the HMAC key that the CA gave for it, in base64url'),
  }),
  web: Type.Object({
    host: Type.String({ default: '::', minLength: 1, description: 'address to listen on' }),
    port: portSetting(443, 'HTTPS port'),
    httpPort: portSetting(80, 'plain HTTP port, which only redirects'),
    services: Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9-]*[a-z0-9]$' }),
      Type.String({ pattern: '^http://(127\\.[0-9.]+|localhost|\\[::1\\])(:[0-9]{1,5})?/?$' }),
      {
        default: {},
        allowed: 'name=http://127.0.0.1:PORT, several separated by commas',
        description: 'local web services to publish, each at https://NAME.<zone>',
      },
    ),
    servicesWithVisitorHost: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      allowed: 'names of services, separated by commas',
      description:
        'services that get the name by which visitors call them as Host, and whose redirects are left alone',
    }),
    serviceTimeouts: Type.Record(
      Type.String({ minLength: 1 }),
      Type.String({ pattern: '^[1-9][0-9]{0,4}$' }),
      {
        default: {},
        allowed: 'name=SECONDS, several separated by commas',
        description: 'how long a service may take until it begins to answer, where 300 seconds are not right',
      },
    ),
  }),
  access: Type.Object({
    apps: Type.Array(Type.String({ pattern: '^https://[^ ,#]+$' }), {
      default: ['https://app.porchlight.example:8444/'],
      allowed: 'https addresses, separated by commas',
      description: 'where apps that may ask to connect are returned to, until an owner edits the list',
    }),
    pairing: Type.Enum(['home', 'anywhere', 'off'], {
      default: 'home',
      description: 'from where programs that the box does not know may ask an owner to be let in',
    }),
  }),
  enrolment: Type.Object({
    enabled: Type.Boolean({
      default: true,
      description: 'let devices in by certificates of the box’s own CA',
    }),
    insecurePort: portSetting(
      9089,
      'port at which devices on the home network ask for a certificate; 0: none',
    ),
    port: portSetting(9088, 'port at which they come in with it, by mutual TLS'),
    folders: Type.Record(Type.String({ pattern: '^[^=,]{1,64}$' }), Type.String({ pattern: '^/[^,]*$' }), {
      default: {},
      allowed: 'app=/FOLDER, several separated by commas',
      description: 'in which folder of this machine, or below it, certificates for an app may be written',
    }),
  }),
  tunnel: Type.Object({
    enabled: Type.Boolean({ default: true, description: 'be reachable from outside through the relay' }),
    command: Type.String({ default: '/usr/bin/pagekite', minLength: 1, description: 'the PageKite client' }),
  }),
  mdns: Type.Object({
    adapter: Type.Enum(['auto', 'avahi', 'bonjour', 'off'], {
      default: 'auto',
      description: 'who speaks mDNS: the avahi-daemon of this machine, the box itself, or nobody',
    }),
  }),
  update: Type.Object({
    enabled: Type.Boolean({
      default: true,
      description: 'look for updates, fetch and install them, until an owner says otherwise',
    }),
    server: url(
      '',
      '^(https?://.+/)?$',
      'a http or https URL that ends in /, or nothing',
      'folder of releases on a web server (docs/UPDATING.md); empty: none',
    ),
    caFile: file('PEM file of a private CA to trust for the update server; empty: the system’s'),
    channel: Type.Enum(updateChannels, {
      default: 'stable',
      description: 'which releases, until an owner says otherwise',
    }),
    restartHours: Type.String({
      default: '2-5',
      pattern: '^(([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-4]))?$',
      allowed: 'two hours of the day, as 2-5, or nothing',
      description: 'between these local hours the box restarts into an update by itself; empty: at once',
    }),
    trialMinutes: Type.Integer({
      default: 15,
      minimum: 1,
      maximum: 60,
      description: 'how long a new release may take to become healthy before it is rolled back',
    }),
    raucConfig: Type.String({
      default: '/etc/rauc/system.conf',
      minLength: 1,
      description: 'RAUC’s settings, on an appliance',
    }),
  }),
  system: Type.Object({
    port: portSetting(4480, 'loopback port of /healthz, /metrics and /status'),
    cardRequests: Type.String({
      default: '/data/card',
      minLength: 1,
      description:
        'where the card’s reader leaves what a file on the card asks for; nothing when it is not there',
    }),
  }),
});

export type BoxConfig = DeepReadonly<Static<typeof BoxConfig>>;
