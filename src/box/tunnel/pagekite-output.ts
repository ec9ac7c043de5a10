/** What the PageKite client says on its output, as far as it matters. Pure. Its lines are never logged as they are. */
export type PagekiteEvent =
  /** A relay accepted the kite. */
  | { kind: 'live' }
  | { kind: 'rejected'; reason: string }
  /** The connection to the relay is over, or could not be made. */
  | { kind: 'lost'; reason: string };

/** BE_STATUS_OK without any of the error bits. */
const statusOk = 0x1000;
const statusErrors = 0xfff;

export function parsePagekiteLine(line: string): PagekiteEvent | undefined {
  const fields = new Map<string, string>();
  for (const pair of line.split('; ')) {
    const equals = pair.indexOf('=');
    if (equals > 0) fields.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  if (!fields.has('ts')) return undefined;
  const error = fields.get('err');
  if (error === 'Rejected') return { kind: 'rejected', reason: word(fields.get('reason')) };
  if (error === 'Duplicate') return { kind: 'rejected', reason: 'duplicate' };
  if (error?.startsWith('Connect failed:') === true) {
    const why = /cert/i.test(error)
      ? 'the certificate of the relay is not trusted'
      : 'cannot connect to the relay';
    return { kind: 'lost', reason: why };
  }
  if (fields.get('debug')?.startsWith('Not sure which servers') === true) {
    return { kind: 'lost', reason: 'no relay can be reached' };
  }
  if (fields.get('info') === 'Failed to connect')
    return { kind: 'lost', reason: 'cannot connect to the relay' };
  if (fields.has('dead')) return { kind: 'lost', reason: 'the relay does not answer' };
  // The client numbers its connections: the first is the tunnel, those that follow are visitors.
  if (fields.get('eof') === '1' && fields.get('id') === 's1')
    return { kind: 'lost', reason: 'the relay closed the connection' };
  const status = fields.get('status');
  if (fields.has('bid') && status !== undefined) {
    const bits = Number.parseInt(status, 16);
    return (bits & statusOk) !== 0 && (bits & statusErrors) === 0 ? { kind: 'live' } : undefined;
  }
  return undefined;
}

/** Relays answer with one word; anything else stays out of our messages. */
function word(text: string | undefined): string {
  return text !== undefined && /^[a-z0-9-]{1,40}$/i.test(text) ? text.toLowerCase() : 'unknown';
}
