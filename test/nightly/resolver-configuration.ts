import { createHash } from 'node:crypto';

interface Place {
  folder: string;
  port: number;
  /** Address of the only root server. */
  root: string;
  /** The root's key-signing key, as its DNSKEY record says it. */
  key: string;
  /** Port of the resolver that a forwarder asks. */
  upstream: number | undefined;
}

interface Configuration {
  files: Readonly<Record<string, string>>;
  line: readonly string[];
}

const hints = (root: string): string => `. 3600 NS a.root-servers.net.\na.root-servers.net. 3600 A ${root}\n`;

/** Each resolver at a port of loopback, with a root and a trust anchor of the test; everything else as its makers ship it. */
const all: Readonly<Record<string, (place: Place) => Configuration>> = {
  unbound: ({ folder, port, root, key }) => ({
    files: {
      hints: hints(root),
      'unbound.conf': `server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  root-hints: "${folder}/hints"
  trust-anchor: ". DNSKEY ${key}"
  qname-minimisation-strict: yes
  use-caps-for-id: yes
`,
    },
    line: ['unbound', '-d', '-c', `${folder}/unbound.conf`],
  }),
  named: ({ folder, port, root, key }) => {
    const [flags = '', protocol = '', algorithm = '', ...base64] = key.split(' ');
    return {
      files: {
        hints: hints(root),
        'named.conf': `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  dnssec-validation yes;
  empty-zones-enable no;
  recursion yes;
};
controls {};
zone "." { type hint; file "hints"; };
trust-anchors { "." static-key ${flags} ${protocol} ${algorithm} "${base64.join('')}"; };
`,
      },
      line: ['named', '-4', '-g', '-n', '1', '-c', `${folder}/named.conf`],
    };
  },
  kresd: ({ folder, port, root, key }) => ({
    files: {
      hints: hints(root),
      config: `net.ipv6 = false
net.listen('127.0.0.1', ${port}, { kind = 'dns' })
cache.open(10 * MB, 'lmdb://${folder}/cache')
modules = { 'hints > iterate' }
hints.root_file('${folder}/hints')
modules.unload('ta_update')
modules.unload('priming')
trust_anchors.remove('.')
trust_anchors.add('. 3600 IN DNSKEY ${key}')
`,
    },
    line: ['kresd', '-n', '-c', `${folder}/config`, folder],
  }),
  pdns_recursor: ({ folder, port, root, key }) => ({
    files: {
      hints: hints(root),
      'anchors.lua': `clearTA()\naddTA('.', '${dsOf(key)}')\n`,
      'recursor.conf': `local-address=127.0.0.1
local-port=${port}
socket-dir=${folder}
hint-file=${folder}/hints
lua-config-file=${folder}/anchors.lua
dnssec=validate
dont-query=
query-local-address=127.0.0.1
threads=1
daemon=no
security-poll-suffix=
`,
    },
    line: ['pdns_recursor', `--config-dir=${folder}`],
  }),
  dnsmasq: ({ port, key, upstream }) => ({
    files: {},
    line: [
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--no-resolv',
      '--no-hosts',
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      `--port=${port}`,
      `--server=127.0.0.1#${upstream ?? 0}`,
      '--dnssec',
      `--trust-anchor=.,${dsOf(key).replaceAll(' ', ',')}`,
      '--user=root',
    ],
  }),
};

export function resolverConfiguration(name: string, place: Place): Configuration {
  const configure = all[name];
  if (configure === undefined) throw new Error(`no such resolver: ${name}`);
  return configure(place);
}

/** The digest of the root's key (RFC 4034, 5.1.4), with its tag (appendix B): `TAG ALGORITHM 2 DIGEST`. */
function dsOf(key: string): string {
  const [flags = '', protocol = '', algorithm = '', ...base64] = key.split(' ');
  const head = Buffer.of(Number(flags) >> 8, Number(flags) & 0xff, Number(protocol), Number(algorithm));
  const record = Buffer.concat([head, Buffer.from(base64.join(''), 'base64')]);
  let sum = 0;
  record.forEach((byte, index) => (sum += index % 2 === 0 ? byte << 8 : byte));
  const tag = (sum + (sum >> 16)) & 0xff_ff;
  const digest = createHash('sha256').update(Buffer.of(0)).update(record).digest('hex');
  return `${tag} ${algorithm} 2 ${digest}`;
}
