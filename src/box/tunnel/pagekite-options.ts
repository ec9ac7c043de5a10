import type { TunnelGrant } from '../../protocol/zone-api.ts';

/** The PageKite client's option file. It holds the secret: the file must be readable by its owner alone. Pure. */
export function pagekiteOptions(options: {
  grant: Pick<TunnelGrant, 'frontends' | 'kiteName' | 'secret' | 'runKite'>;
  /** Loopback port of the box that expects a PROXY header (version 1). */
  localPort: number;
  /** File with the private CAs of the relays; absent: the system's roots. */
  caFile: string | undefined;
}): string {
  const { grant, localPort, caFile } = options;
  const kite = plain(grant.kiteName);
  const { runKite } = grant;
  const certNames = grant.frontends.flatMap(({ certName }) =>
    certName === undefined ? [] : [plain(certName)],
  );
  const lines = [
    // No user interface, no calls home, nothing that waits.
    'nullui',
    'nocrashreport',
    'noupgradeinfo',
    'noproxy',
    'noprobes',
    'nozchunks',
    ...grant.frontends.map(({ address }) => `frontend = ${plain(address)}`),
    ...new Set(certNames.map((name) => `fe_certname = ${name}`)),
    ...(caFile === undefined ? [] : [`ca_certs = ${caFile}`]),
    `service_on = https:${kite}:127.0.0.1:${localPort}:${plain(grant.secret)}`,
    ...(runKite === undefined
      ? []
      : [`service_on = https:${plain(runKite.name)}:127.0.0.1:${localPort}:${plain(runKite.secret)}`]),
    `service_cfg = ${kite}/80:proxyproto:1`,
    'keepalive = 20',
    'buffers = 8192',
    'max_read_bytes = 65536x4.0',
    'select_loop_min_ms = 1',
    'logfile = stdio',
    'loglevel = debug',
  ];
  return `${lines.join('\n')}\n`;
}

/** A value comes from another machine: nothing in it may begin a line or an option of its own. */
function plain(value: string): string {
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(value))
    throw new RangeError('a value of the tunnel grant that no option file can hold');
  return value;
}
