import { type Static, Type } from 'typebox';
import { readLeniently } from '../../kit/config.ts';
import { messageOf } from '../../kit/errors.ts';
import { BoxConfig } from '../config.ts';

const { name, zone, cloud, acme, access } = BoxConfig.properties;
const pemOnCard = (whose: string): ReturnType<typeof caFile> => Type.Optional(caFile(whose));
const caFile = (whose: string): ReturnType<typeof Type.String> =>
  Type.String({
    pattern: '^[A-Za-z0-9_-][A-Za-z0-9_. -]{0,60}$',
    allowed: 'the name of a file beside porchlight.toml',
    description: `PEM file of the private CA of ${whose}, beside this file`,
  });

/** What a person may put into `porchlight.toml` on the card. All of it may be absent. docs/FIRST-BOOT.md has the table. */
export const CardSettings = Type.Object({
  name: Type.Optional(name),
  timezone: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z]{1,30}(/[A-Za-z][A-Za-z0-9_+-]{0,30}){0,2}$',
      allowed: 'the name of a time zone, as Europe/Berlin',
      description: 'for the times in the journal; UTC when absent',
    }),
  ),
  ssh: Type.Object({
    keys: Type.Optional(
      Type.Array(Type.String({ maxLength: 4000 }), {
        maxItems: 32,
        allowed: 'a list of lines as they are in a file id_….pub',
        description: 'public keys of those who may come in by ssh, as root; without any, nobody can',
      }),
    ),
  }),
  wifi: Type.Object({
    ssid: Type.Optional(
      Type.String({ minLength: 1, maxLength: 32, description: 'name of the wireless network to join' }),
    ),
    password: Type.Optional(
      Type.String({
        pattern: '^([\\x20-\\x7e]{8,63})?$',
        allowed: '8 to 63 letters, digits and signs of a plain keyboard, or empty for an open network',
        description: 'its password',
      }),
    ),
    country: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{2}$',
        allowed: 'two capital letters, as DE',
        description: 'the country the box is in, which decides on the radio channels',
      }),
    ),
  }),
  zone: Type.Object({ root: Type.Optional(zone.properties.root) }),
  cloud: Type.Object({
    zoneApi: Type.Optional(cloud.properties.zoneApi),
    registration: Type.Optional(cloud.properties.registration),
    caFile: pemOnCard('the cloud'),
  }),
  acme: Type.Object({
    directory: Type.Optional(acme.properties.directory),
    contact: Type.Optional(acme.properties.contact),
    caFile: pemOnCard('the ACME directory'),
  }),
  access: Type.Object({ apps: Type.Optional(access.properties.apps) }),
});
export type CardSettings = Static<typeof CardSettings>;

/** A setting by its key in the file: `wifi.ssid`. */
export type CardValues = ReadonlyMap<string, unknown>;

/**
 * What `porchlight.toml` says, and what is wrong in it, in words for the person who wrote it. Faults name the key and the
 * line, never the value: there are passwords. `undefined` for a file that cannot be read at all.
 */
export function readCardSettings(bytes: Buffer): {
  values: CardValues | undefined;
  faults: readonly string[];
} {
  const text = textOf(bytes);
  if (text === undefined)
    return {
      values: undefined,
      faults: ['the file is not plain text: save it as UTF-8 (in Notepad: “UTF-8”)'],
    };
  try {
    return readLeniently(CardSettings, text);
  } catch (error) {
    return { values: undefined, faults: [messageOf(error)] };
  }
}

function textOf(bytes: Buffer): string | undefined {
  try {
    // A mark at the beginning (BOM) is taken away by the decoder.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text.replaceAll('\r\n', '\n');
  } catch {
    return undefined;
  }
}
