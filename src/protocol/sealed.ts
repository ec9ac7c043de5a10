import { base64urlnopad } from '@scure/base';
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  type CryptoKey,
  KDF_HKDF_SHA256,
  KEM_DHKEM_P256_HKDF_SHA256,
  type KeyPair,
} from 'hpke';
import type { Sealed } from './instance-api.ts';

/**
 * HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM: anybody can encrypt to a public
 * key, and what is said about the purpose and the place of a message (`info`, `aad`) must be the same on both sides.
 */
const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

export type SealingKeys = KeyPair<CryptoKey>;

/** The purposes: what is sealed for one opens for no other. */
export const sealedFor = {
  /** From the box, through the mailbox. */
  credentials: (boxId: string, uid: string): string => `porchlight instance credentials\n${boxId}\n${uid}`,
  /** A body of a call to the box. */
  request: (boxId: string, clientId: string): string => `porchlight instance request\n${boxId}\n${clientId}`,
} as const;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A pair whose private half cannot be read out again. */
export function newSealingKeys(): Promise<SealingKeys> {
  return suite.GenerateKeyPair(false);
}

const publicBytes = 65;
const ecdh = { name: 'ECDH', namedCurve: 'P-256' } as const;

/** A pair to be kept, as bytes: the public point, then the private half (PKCS #8). They belong where secrets are. */
export async function newKeptKeys(): Promise<Uint8Array> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ecdh, true, ['deriveBits']);
  const halves = [
    await crypto.subtle.exportKey('raw', publicKey),
    await crypto.subtle.exportKey('pkcs8', privateKey),
  ];
  return Uint8Array.from(halves.flatMap((half) => [...new Uint8Array(half)]));
}

/** The pair that was kept. */
export async function sealingKeysFrom(kept: Uint8Array): Promise<SealingKeys> {
  const [raw, pkcs8] = [kept.slice(0, publicBytes), kept.slice(publicBytes)];
  return {
    publicKey: await crypto.subtle.importKey('raw', raw, ecdh, true, []),
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, ecdh, false, ['deriveBits']),
  };
}

/** The uncompressed point (65 bytes) in base64url. */
export async function publicKeyText({ publicKey }: SealingKeys): Promise<string> {
  return base64urlnopad.encode(await suite.SerializePublicKey(publicKey));
}

/** `to`: as `publicKeyText` answers. Throws when it is no point of the curve. */
export async function seal(to: string, text: string, info: string, aad = ''): Promise<Sealed> {
  const publicKey = await suite.DeserializePublicKey(base64urlnopad.decode(to));
  const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, bytesOf(text), {
    info: bytesOf(info),
    aad: bytesOf(aad),
  });
  return { enc: base64urlnopad.encode(encapsulatedSecret), ct: base64urlnopad.encode(ciphertext) };
}

/** Throws when it was sealed to another key, for another purpose or place, or was changed. */
export async function open(keys: SealingKeys, { enc, ct }: Sealed, info: string, aad = ''): Promise<string> {
  const opened = await suite.Open(keys, base64urlnopad.decode(enc), base64urlnopad.decode(ct), {
    info: bytesOf(info),
    aad: bytesOf(aad),
  });
  return new TextDecoder('utf-8', { fatal: true }).decode(opened);
}
