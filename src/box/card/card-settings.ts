import { type Static, Type } from 'typebox';
import { type LenientlyRead, readLeniently } from '../../kit/config/config.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { BoxConfig } from '../config.ts';
import { asMeant } from './as-meant.ts';

const { name, zone, cloud, acme, access, enrolment, tunnel, update, web, log } = BoxConfig.properties;
const pemOnCard = (whose: string): ReturnType<typeof caFile> => Type.Optional(caFile(whose));
const caFile = (whose: string): ReturnType<typeof Type.String> =>
  Type.String({
    pattern: '^[A-Za-z0-9_-][A-Za-z0-9_. -]{0,60}$',
    allowed: 'the name of a file beside porchlight.toml',
    description: `PEM file of the private CA of ${whose}, beside this file`,
  });

/** What a person may put into `porchlight.toml` on the card. All of it may be absent. docs/FIRST-BOOT.md has the table. */
export const CardSettings = Type.Object({
  name: Type.Optional({ ...name, alsoCalled: ['hostname', 'title'] }),
  timezone: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z][A-Za-z0-9_+-]{0,30}){0,2}$',
      allowed: 'the name of a time zone, as Europe/Berlin',
      description: 'for the times in the journal; UTC when absent',
      alsoCalled: ['tz', 'zoneinfo'],
    }),
  ),
  ssh: Type.Object({
    keys: Type.Optional(
      Type.Array(Type.String({ maxLength: 4000 }), {
        maxItems: 32,
        allowed: 'a list of lines as they are in a file id_….pub',
        description: 'public keys of those who may come in by ssh, as root; without any, nobody can',
        alsoCalled: ['key', 'authorized-keys', 'public-keys', 'public-key'],
      }),
    ),
  }),
  wifi: Type.Object({
    ssid: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 32,
        description: 'name of the wireless network to join',
        alsoCalled: ['name', 'network', 'essid'],
      }),
    ),
    password: Type.Optional(
      Type.String({
        pattern: '^([\\x20-\\x7e]{8,63}|[0-9A-Fa-f]{64})?$',
        allowed:
          '8 to 63 letters, digits and signs of a plain keyboard, or 64 hex digits (the key itself), or empty for an open network',
        description: 'its password',
        alsoCalled: ['psk', 'passphrase', 'pass', 'pwd', 'key', 'wpa-psk', 'passwort', 'kennwort'],
      }),
    ),
    country: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{2}$',
        allowed: 'two capital letters, as DE',
        description: 'the country the box is in, which decides on the radio channels',
        alsoCalled: ['region', 'regdomain', 'land'],
      }),
    ),
  }),
  zone: Type.Object({ root: Type.Optional(zone.properties.root) }),
  cloud: Type.Object({
    zoneApi: Type.Optional(cloud.properties.zoneApi),
    registration: Type.Optional(cloud.properties.registration),
    mailbox: Type.Optional(cloud.properties.mailbox),
    caFile: pemOnCard('the cloud'),
  }),
  acme: Type.Object({
    directory: Type.Optional({ ...acme.properties.directory, alsoCalled: ['url', 'server', 'ca'] }),
    staging: Type.Optional(acme.properties.staging),
    contact: Type.Optional({ ...acme.properties.contact, alsoCalled: ['email', 'mail'] }),
    profile: Type.Optional(acme.properties.profile),
    agreeToTerms: Type.Optional(acme.properties.agreeToTerms),
    caFile: pemOnCard('the ACME directory'),
    eabKid: Type.Optional({ ...acme.properties.eabKid, alsoCalled: ['kid', 'key-id'] }),
    eabHmacKey: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_+/-]{16,1024}$',
        allowed: 'the key as the CA gave it, in base64url',
        description: 'the key that belongs to it',
        alsoCalled: ['hmac', 'hmac-key', 'eab-key', 'eab-hmac', 'eab-hmac-key-file'],
      }),
    ),
  }),
  access: Type.Object({
    apps: Type.Optional(access.properties.apps),
    pairing: Type.Optional(access.properties.pairing),
  }),
  enrolment: Type.Object({ enabled: Type.Optional(enrolment.properties.enabled) }),
  tunnel: Type.Object({ enabled: Type.Optional(tunnel.properties.enabled) }),
  update: Type.Object({
    server: Type.Optional({ ...update.properties.server, alsoCalled: ['url'] }),
    caFile: pemOnCard('the update server'),
    enabled: Type.Optional(update.properties.enabled),
    channel: Type.Optional(update.properties.channel),
    restartHours: Type.Optional(update.properties.restartHours),
    trialMinutes: Type.Optional(update.properties.trialMinutes),
  }),
  web: Type.Object({
    services: Type.Optional(web.properties.services),
    servicesWithVisitorHost: Type.Optional(web.properties.servicesWithVisitorHost),
    serviceTimeouts: Type.Optional(web.properties.serviceTimeouts),
  }),
  log: Type.Object({ level: Type.Optional(log.properties.level) }),
});
export type CardSettings = Static<typeof CardSettings>;

/** A setting by its key in the file: `wifi.ssid`. */
export type CardValues = ReadonlyMap<string, unknown>;

/**
 * What `porchlight.toml` says, and what is wrong in it, in words for the person who wrote it. Faults name the key and the
 * line, never the value: there are passwords. Throws `bad-config` for what is no TOML.
 */
export function readCardSettings(text: string): LenientlyRead {
  try {
    return readLeniently(CardSettings, text, asMeant);
  } catch (error) {
    if (!/[“”„‟«»‘’]/u.test(text)) throw error;
    const message = `${messageOf(error)} (there are “curly” quotes in it: they have to be straight ones, ")`;
    throw new Problem('bad-config', message, { retryable: false, cause: error });
  }
}
