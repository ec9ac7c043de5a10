import { type Static, Type } from 'typebox';
import { TokenResponse } from './access-api.ts';

/**
 * Certificate exchange: an app sends a certificate signing request (CSR, RFC 2986) over an insecure WebSocket, an owner
 * allows the device once, and the box puts a client certificate, and the CA that its server is to be trusted by, where only
 * the app can take them. From then on the app comes by mutual TLS. One JSON message a frame. Both sockets have the path
 * `/sonar`; the insecure one takes `signCertificate` and nothing else.
 */

export const enrolmentPaths = {
  /** Of both WebSockets, which `/` leads to as well. */
  socket: '/sonar',
  /** `GET {…}/{deviceId}` on the box's HTTPS: the certificates of medium 2, once, within five minutes. */
  certificates: '/enrolment/certificates',
  /** The certificates that were revoked, as DER (RFC 5280, 5). */
  revoked: '/enrolment/revoked.crl',
} as const;

export const enrolmentLimits = {
  /** Of the CSR, PEM. */
  csrBytes: 16_384,
  /** Of a message to the insecure port; the CSR and room for the rest. */
  messageBytes: 24_576,
  keyBitsMin: 2048,
  keyBitsMax: 8192,
  /** RFC 5280, appendix A.1: ub-common-name. */
  commonNameMax: 64,
  destinationMax: 1024,
  /** The first message comes within this. */
  firstMessageSeconds: 10,
  certificateDays: 30,
  shelfSeconds: 300,
} as const;

/** The files of medium 1, and the keys of medium 2: the names that this exchange's clients look for. */
export const certificateFiles = { ca: 'sonarCA.crt', device: 'device.crt' } as const;

/** Query of both WebSockets. Other parameters are not looked at. */
export const SonarQuery = Type.Object({
  os: Type.String({ minLength: 1, maxLength: 32 }),
  device: Type.String({ minLength: 1, maxLength: 64 }),
  app: Type.String({ minLength: 1, maxLength: 64 }),
  sdk_version: Type.Optional(Type.String({ maxLength: 16 })),
  medium: Type.Optional(Type.String({ maxLength: 16 })),
  /** `1`: the client can show a person what to compare; see `SignCertificateWaiting`. */
  progress: Type.Optional(Type.String({ maxLength: 16 })),
});
export type SonarQuery = Static<typeof SonarQuery>;

/**
 * The one message of the insecure port. `medium` 1: the box writes both certificates into the folder `destination`; 2: it
 * hands them to its uploader, and `destination` means nothing.
 */
export const SignCertificateRequest = Type.Object({
  method: Type.Literal('signCertificate'),
  csr: Type.String({ minLength: 1, maxLength: enrolmentLimits.csrBytes }),
  destination: Type.Optional(Type.String({ maxLength: enrolmentLimits.destinationMax })),
  medium: Type.Optional(Type.Union([Type.Literal(1), Type.Literal(2)])),
});
export type SignCertificateRequest = Static<typeof SignCertificateRequest>;

/** The answer when the certificates are where they belong. The device id stays the same as long as the owner's yes lasts. */
export const SignCertificateReply = Type.Object({ deviceId: Type.String() });
export type SignCertificateReply = Static<typeof SignCertificateReply>;

/** Before the answer, only with `progress=1`: an owner is being asked, and sees the same four characters. */
export const SignCertificateWaiting = Type.Object({
  waiting: Type.Object({ code: Type.String(), seconds: Type.Integer() }),
});
export type SignCertificateWaiting = Static<typeof SignCertificateWaiting>;

const problem = Type.Object({
  code: Type.String(),
  message: Type.String(),
  retryAfterSeconds: Type.Optional(Type.Integer()),
});

/** The answer when something is wrong; the socket then closes. */
export const SignCertificateError = Type.Object({ error: problem });
export type SignCertificateError = Static<typeof SignCertificateError>;

/** `GET /enrolment/certificates/{deviceId}`: both in PEM, by the file names of medium 1. */
export const CertificatesView = Type.Object({
  [certificateFiles.ca]: Type.String(),
  [certificateFiles.device]: Type.String(),
});
export type CertificatesView = Static<typeof CertificatesView>;

/** The first message over the secure socket. Those that follow without being asked for are `BoxEvent`s. */
export const DeviceHello = Type.Object({
  type: Type.Literal('hello'),
  deviceId: Type.String(),
  /** As the owner's list of sessions has it. */
  label: Type.String(),
  boxId: Type.String(),
  boxName: Type.String(),
  ways: TokenResponse.properties.ways,
  /** When the certificate it came with ends, ms since the epoch. */
  certificateEndsAt: Type.Integer(),
});
export type DeviceHello = Static<typeof DeviceHello>;

/** What a device may ask: `ping` is answered with `{}`, `state` with what `porchlight status` shows. */
export const DeviceRequest = Type.Object({
  id: Type.Integer({ minimum: 0 }),
  method: Type.Enum(['ping', 'state']),
});
export type DeviceRequest = Static<typeof DeviceRequest>;

/** The `id` of the request, also when all else of it is wrong; `null` where it had none that is a number or a short text. */
export const DeviceReply = Type.Union([
  Type.Object({ id: Type.Integer(), success: Type.Object({}) }),
  Type.Object({ id: Type.Union([Type.Number(), Type.String(), Type.Null()]), error: problem }),
]);
export type DeviceReply = Static<typeof DeviceReply>;
