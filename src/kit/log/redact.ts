/**
 * What keeps secrets out of the log: every field and error goes through `redacted` before pino sees it, every finished
 * line through `scrubbed`. Pino's own redaction knows only fixed paths of fixed depth.
 */

const censor = '[redacted]';
const maxDepth = 8;
const maxEntries = 100;

/** Ends of field names that hold a secret, in any case and with or without separators: `tunnelSecret` as much as `secret`. */
const secretName =
  '(?:password|passphrase|secret|token|otp|setup[-_]?code|recovery[-_]?code|private[-_]?key(?:[-_]?pem)?|key[-_]?pem' +
  '|credential|authorization|cookie|verifier|hmac(?:[-_]?key)?)s?';
const secretField = new RegExp(`${secretName}$`, 'i');

/** `code` names an error nearly everywhere; what came in with a request under that name is an OAuth code. */
const requestParts = new Set(['body', 'query', 'params', 'form', 'searchparams']);

/** A plain copy of `value` for the log: no secrets at any depth, no bytes, no cycles, errors with their causes. */
export function redacted(value: unknown): unknown {
  return copy(value, { depth: 0, above: new Set(), inRequest: false });
}

interface Place {
  depth: number;
  /** The objects this one lies in. */
  above: ReadonlySet<object>;
  inRequest: boolean;
}

function copy(value: unknown, place: Place): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (place.depth === maxDepth || place.above.has(value)) return '[…]';
  const inside = { ...place, depth: place.depth + 1, above: new Set(place.above).add(value) };
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((element) => copy(element, inside));
  if (value instanceof Error) return copyOfError(value, inside);
  if ('toJSON' in value && typeof value.toJSON === 'function') return copy(value.toJSON(), inside);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return `[${value.constructor.name}]`;
  return copyOfFields(value, inside);
}

function copyOfFields(fields: object, place: Place): Record<string, unknown> {
  const copies = Object.entries(fields)
    .slice(0, maxEntries)
    .map(([name, child]): [string, unknown] => {
      if (isSecret(name, child, place.inRequest)) return [name, censor];
      const inRequest = place.inRequest || requestParts.has(name.toLowerCase());
      return [name, copy(child, { ...place, inRequest })];
    });
  return Object.fromEntries(copies);
}

function copyOfError(error: Error, place: Place): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const fields = copyOfFields(error, { ...place, inRequest: false });
  return { name, message, stack, ...fields, ...(cause === undefined ? {} : { cause: copy(cause, place) }) };
}

function isSecret(name: string, value: unknown, inRequest: boolean): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return false;
  return secretField.test(name) || (inRequest && name.toLowerCase() === 'code');
}

const secretTexts: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Fields of JSON, and of JSON quoted in a message. Bindings of child loggers come by here alone.
  [new RegExp(`("[\\w-]*${secretName}":\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|[\\d.]+)`, 'gi'), `$1"${censor}"`],
  [new RegExp(`(\\\\"[\\w-]*${secretName}\\\\":\\s*\\\\")[^"\\\\]*`, 'gi'), `$1${censor}`],
  [
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*?(-----END [A-Z ]*PRIVATE KEY-----|(?=\\*")|$)/g,
    `[private key ${censor}]`,
  ],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${censor}`],
  [new RegExp(`([?&](?:code|[\\w-]*${secretName})=)[^&\\s"'\\\\]+`, 'gi'), `$1${censor}`],
];

/** A finished line of the log without what is a secret wherever it stands: fields, private keys, bearer tokens, URLs. */
export function scrubbed(line: string): string {
  return secretTexts.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
}
