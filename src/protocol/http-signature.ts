import {
  type InnerList,
  isInnerList,
  parseDictionary,
  serializeDictionary,
  serializeInnerList,
} from 'structured-headers';

/**
 * HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530), as far as requests signed by one shared secret need
 * them. Pure: what is signed, and what of a message can be covered; who has a key computes the HMAC.
 */

/** A request, as far as a signature can cover it. */
export interface SignedMessage {
  method: string;
  /** Host, with the port when it is not 443. */
  authority: string;
  /** Path and query, as they are sent. */
  target: string;
  /** The value of a field by its lower-case name, several lines joined by `, `. */
  field: (name: string) => string | undefined;
}

export interface SignatureParameters {
  created: number;
  nonce: string;
  keyid: string;
  alg: 'hmac-sha256';
}

/** One signature of a message, taken apart. */
export interface ParsedSignature {
  input: InnerList;
  /** Names of what is covered. */
  covered: readonly string[];
  parameters: Partial<Record<string, string | number>>;
  signature: Uint8Array;
}

export const hmacSha256 = 'hmac-sha256';

/** Values of derived components (RFC 9421, 2.2) and fields. Throws `SignatureFault` for what there is not. */
function componentOf(name: string, { method, authority, target, field }: SignedMessage): string {
  const host = authority.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/:443$/, '');
  const query = target.indexOf('?');
  switch (name) {
    case '@method':
      return method;
    case '@authority':
      return host;
    case '@scheme':
      return 'https';
    case '@target-uri':
      return `https://${host}${target}`;
    case '@request-target':
      return target;
    case '@path':
      return (query === -1 ? target : target.slice(0, query)) || '/';
    case '@query':
      return query === -1 ? '?' : target.slice(query);
    default: {
      const value = name.startsWith('@') ? undefined : field(name);
      if (value === undefined) throw new SignatureFault(`it covers ${name}, which this request has not`);
      return plainValue(value);
    }
  }
}

/**
 * RFC 9421, 2.1: without spaces and tabs around it and with a folded line (RFC 9112, 5.2) as one space. No other character
 * counts as space, or two messages would have one signature.
 */
function plainValue(value: string): string {
  const unfolded = value.includes('\n') ? value.replaceAll(/[\t\r ]*\n[\t ]*/g, ' ') : value;
  const first = unfolded.search(/[^\t ]/);
  if (first === -1) return '';
  let end = unfolded.length;
  while (unfolded[end - 1] === ' ' || unfolded[end - 1] === '\t') end -= 1;
  return unfolded.slice(first, end);
}

/** What is wrong with a signature, as the end of a sentence. */
export class SignatureFault extends Error {
  override readonly name = 'SignatureFault';
}

/** RFC 9421, 2.5. Throws `SignatureFault`. */
export function signatureBase(input: InnerList, message: SignedMessage): string {
  const names = coveredBy(input);
  const lines = names.map((name) => `"${name}": ${componentOf(name, message)}`);
  return [...lines, `"@signature-params": ${serializeInnerList(input)}`].join('\n');
}

/** Names of the components; parameters on them (RFC 9421, 2.1) are for messages that are changed on the way. */
function coveredBy([items]: InnerList): string[] {
  const names = items.map(([name, parameters]) => {
    if (typeof name === 'string' && parameters.size === 0 && /^@?[a-z0-9-]+$/.test(name)) return name;
    throw new SignatureFault(
      'it covers something in a way that is not taken here; name components without parameters',
    );
  });
  if (new Set(names).size < names.length) throw new SignatureFault('it covers a component twice');
  return names;
}

/** The one signature of a message. Throws `SignatureFault` when the fields are not of the right form, or hold several. */
export function parseSignature(signatureInput: string, signature: string): ParsedSignature {
  const inputs = dictionary(signatureInput);
  const signatures = dictionary(signature);
  const [label, input] = [...inputs][0] ?? [];
  const value = label === undefined ? undefined : signatures.get(label)?.[0];
  if (inputs.size !== 1 || input === undefined || !isInnerList(input) || !(value instanceof ArrayBuffer))
    throw new SignatureFault('Signature-Input and Signature must hold one signature, under the same label');
  const parameters: ParsedSignature['parameters'] = {};
  for (const [name, parameter] of input[1])
    if (typeof parameter === 'string' || typeof parameter === 'number') parameters[name] = parameter;
  return { input, covered: coveredBy(input), parameters, signature: new Uint8Array(value) };
}

function dictionary(text: string): ReturnType<typeof parseDictionary> {
  try {
    return parseDictionary(text);
  } catch {
    throw new SignatureFault('Signature-Input or Signature is no dictionary (RFC 9651)');
  }
}

/** What is to be signed, and the fields once it is. */
export function signatureFor(
  covered: readonly string[],
  { created, nonce, keyid, alg }: SignatureParameters,
  message: SignedMessage,
): { base: string; fields: (signature: Uint8Array) => { 'signature-input': string; signature: string } } {
  const input: InnerList = [
    covered.map((name) => [name, new Map()]),
    new Map<string, string | number>([
      ['created', created],
      ['nonce', nonce],
      ['keyid', keyid],
      ['alg', alg],
    ]),
  ];
  return {
    base: signatureBase(input, message),
    fields: (signature) => ({
      'signature-input': serializeDictionary(new Map([['sig', input]])),
      signature: serializeDictionary(new Map([['sig', [signature, new Map()]]])),
    }),
  };
}

/** The field `Content-Digest` (RFC 9530, 2) of a body whose SHA-256 this is. */
export function contentDigest(sha256: Uint8Array): string {
  return serializeDictionary(new Map([['sha-256', [sha256, new Map()]]]));
}

/** The SHA-256 in a `Content-Digest`. Throws `SignatureFault` when there is none. */
export function digestIn(field: string): Uint8Array {
  const digest = dictionary(field).get('sha-256')?.[0];
  if (digest instanceof ArrayBuffer && digest.byteLength === 32) return new Uint8Array(digest);
  throw new SignatureFault('Content-Digest has no sha-256');
}
