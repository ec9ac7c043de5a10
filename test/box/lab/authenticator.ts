import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What a browser hands on of the page that asks. */
interface Asked {
  challenge: string;
  rpId: string;
  origin: string;
  /** It is in a frame of another origin's page: of `topOrigin`. */
  crossOrigin?: boolean;
  topOrigin?: string;
}

/** A passkey in software: what an authenticator with a verified person and a browser answer (WebAuthn Level 3, 6 and 7). */
export class Authenticator {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly id = randomBytes(32);
  counter = 0;
  /** User present and verified. */
  flags = 0x05;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
  }

  create(options: Asked): Record<string, unknown> {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' });
    // COSE (RFC 9052): EC2, ES256, P-256.
    const key = map([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, 'base64url')],
      [-3, Buffer.from(y, 'base64url')],
    ]);
    const length = Buffer.from([0, this.id.length]);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.id, key]);
    const authData = Buffer.concat([this.#authData(options.rpId, 0x40), attested]);
    const attestationObject = map([
      ['fmt', 'none'],
      ['attStmt', empty],
      ['authData', authData],
    ]);
    return this.#credential({
      clientDataJSON: base64url(clientData('webauthn.create', options)),
      attestationObject: base64url(attestationObject),
    });
  }

  get(options: Asked): Record<string, unknown> {
    this.counter++;
    const data = clientData('webauthn.get', options);
    const authData = this.#authData(options.rpId, 0);
    const hash = createHash('sha256').update(data).digest();
    return this.#credential({
      clientDataJSON: base64url(data),
      authenticatorData: base64url(authData),
      signature: base64url(sign('sha256', Buffer.concat([authData, hash]), this.#privateKey)),
    });
  }

  #authData(rpId: string, more: number): Buffer {
    const tail = Buffer.alloc(5);
    tail[0] = this.flags | more;
    tail.writeUInt32BE(this.counter, 1);
    return Buffer.concat([createHash('sha256').update(rpId).digest(), tail]);
  }

  #credential(response: Record<string, string>): Record<string, unknown> {
    const id = base64url(this.id);
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
  }
}

function clientData(type: string, asked: Asked): Buffer {
  const { challenge, origin, crossOrigin = false, topOrigin } = asked;
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin, topOrigin }));
}

const base64url = (bytes: Buffer): string => bytes.toString('base64url');

type Cbor = number | string | Buffer | typeof empty;
const empty = null;

/** A CBOR map (RFC 8949), as far as it is needed here. */
function map(entries: readonly (readonly [Cbor, Cbor])[]): Buffer {
  return Buffer.concat([head(5, entries.length), ...entries.flat().map(encoded)]);
}

function encoded(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, value.length), Buffer.from(value)]);
  return value === empty ? map([]) : Buffer.concat([head(2, value.length), value]);
}

/** The shortest form, as CTAP2 demands. */
function head(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.from([type | value]);
  return Buffer.from(value < 256 ? [type | 24, value] : [type | 25, value >> 8, value & 0xff]);
}
