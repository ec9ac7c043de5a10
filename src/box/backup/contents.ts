import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../kit/runtime/errors.ts';
import { accessLimits } from '../../protocol/access-api.ts';
import type { BoxConfig } from '../config.ts';
import { boxIdSchemaPattern } from '../../protocol/names.ts';

/** A file in a folder of the state folder: `identity/key.pem`. No part of it begins with a dot, so none leads out. */
const filePath = '^[^./\\u0000][^/\\u0000]{0,200}(/[^./\\u0000][^/\\u0000]{0,200}){1,15}$';

/** Where a box belongs, in the words of its configuration: restored elsewhere, it is to find the same cloud. */
export const Place = Type.Object({
  zoneRoot: Type.String({ maxLength: 253 }),
  zoneApi: Type.String({ maxLength: 300 }),
  registration: Type.String({ maxLength: 300 }),
  acmeDirectory: Type.String({ maxLength: 500 }),
  apps: Type.Array(Type.String({ maxLength: 500 }), { maxItems: 32 }),
  /** PEM of the private CAs; absent: the system's. */
  cloudCa: Type.Optional(Type.String({ maxLength: 100_000 })),
  acmeCa: Type.Optional(Type.String({ maxLength: 100_000 })),
});
export type Place = Static<typeof Place>;

export function placeOf(config: BoxConfig, trust: { cloud?: string; acme?: string }): Place {
  const { zone, cloud, acme, access } = config;
  return {
    zoneRoot: zone.root,
    zoneApi: cloud.zoneApi,
    registration: cloud.registration,
    acmeDirectory: acme.directory,
    apps: [...access.apps],
    ...(trust.cloud === undefined ? {} : { cloudCa: trust.cloud }),
    ...(trust.acme === undefined ? {} : { acmeCa: trust.acme }),
  };
}

/** What a backup holds, as JSON in gzip. */
const Contents = Type.Object({
  boxId: Type.String({ pattern: boxIdSchemaPattern }),
  name: Type.String({ maxLength: 63 }),
  /** ms since the epoch, by the clock of the box. */
  madeAt: Type.Integer({ minimum: 0 }),
  version: Type.String({ maxLength: 64 }),
  place: Place,
  /** By path in the state folder; base64. */
  files: Type.Record(Type.String({ pattern: filePath }), Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' }), {
    additionalProperties: false,
  }),
});
export type Contents = Omit<Static<typeof Contents>, 'files'> & { files: Map<string, Buffer> };

/** Bytes; what is larger is no backup. */
export const largestBackup = accessLimits.backupBytes;

const compress = promisify(gzip);
const expand = promisify(gunzip);

export async function encodedContents(contents: Contents): Promise<Buffer> {
  const files = Object.fromEntries(
    [...contents.files].map(([path, data]) => [path, data.toString('base64')]),
  );
  return compress(JSON.stringify({ ...contents, files }));
}

/** Throws `backup-malformed`. */
export async function decodedContents(bytes: Buffer): Promise<Contents> {
  try {
    const text = (await expand(bytes, { maxOutputLength: 4 * largestBackup })).toString();
    const { files, ...rest } = Value.Parse(Contents, JSON.parse(text));
    return {
      ...rest,
      files: new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data, 'base64')])),
    };
  } catch (error) {
    const message = 'the backup holds something else than a box';
    throw new Problem('backup-malformed', message, { status: 422, retryable: false, cause: error });
  }
}
