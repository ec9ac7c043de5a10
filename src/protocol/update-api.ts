import { type Static, Type } from 'typebox';

/**
 * Updates of the box: what its owners see and ask for (`/api/update`), and what a release folder holds. Errors are
 * `{ code, message, … }`; times are in ms since the epoch, versions are those of SemVer 2.0.0.
 */

export const updateChannels = ['stable', 'beta'] as const;
const channel = Type.Enum(updateChannels);
export type UpdateChannel = Static<typeof channel>;

export const updateLimits = {
  /** Of a bundle; more is not written to the disk. */
  bundleBytes: 2 * 1024 ** 3,
  notesMax: 4000,
  releasesMax: 200,
} as const;

const version = Type.String({ pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.+-]+)?$', maxLength: 64 });

/** One release of a release folder. */
export const Release = Type.Object({
  version,
  /** The kind of machine, as RAUC has it: `porchlight-arm64`. */
  compatible: Type.String({ minLength: 1, maxLength: 128 }),
  /** Name of the bundle, in the same folder. */
  file: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$' }),
  size: Type.Integer({ minimum: 1, maximum: updateLimits.bundleBytes }),
  /** Of the bundle, lower-case hex: tells a broken download from a whole one. What is trusted is the bundle’s signature. */
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  notes: Type.String({ maxLength: updateLimits.notesMax }),
});
export type Release = Static<typeof Release>;

/** `<folder>/<channel>.json`: the releases of a channel. Fields that a box does not know are left alone. */
export const ReleaseIndex = Type.Object({
  releases: Type.Array(Release, { maxItems: updateLimits.releasesMax }),
});
export type ReleaseIndex = Static<typeof ReleaseIndex>;

const text = Type.Union([Type.String(), Type.Null()]);
const number = Type.Union([Type.Integer(), Type.Null()]);

const updatePhases = [
  'not-an-appliance',
  'idle',
  'checking',
  'downloading',
  'installing',
  'awaiting-reboot',
  'trial',
  'failed',
] as const;

/** `GET /api/update` (owners), and what every other call of updates answers. */
export const UpdateState = Type.Object({
  phase: Type.Enum(updatePhases),
  /** What runs, and in which slot of the disk. */
  version: Type.String(),
  slot: text,
  /** The version that is being fetched, written, waits for the restart or is on trial. */
  target: text,
  /** In percent, while something is fetched or written. */
  progress: number,
  /** The newest release of the channel that is newer than what runs. */
  available: Type.Union([
    Type.Object({ version: Type.String(), size: Type.Integer(), notes: Type.String() }),
    Type.Null(),
  ]),
  checkedAt: number,
  /** When the box restarts by itself into what was installed. */
  restartsAt: number,
  /** Why the last try failed. */
  trouble: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
  /** The last release that was tried and rolled back, and why, in the words of the box. */
  takenBack: Type.Union([
    Type.Object({ version: Type.String(), reason: Type.String(), at: Type.Integer() }),
    Type.Null(),
  ]),
  /** There is a release folder to ask. */
  server: Type.Boolean(),
  channel,
  /** Nothing is looked for, fetched or installed unless somebody asks. */
  paused: Type.Boolean(),
});
export type UpdateState = Static<typeof UpdateState>;

/** `PUT /api/update/settings` */
export const UpdateSettings = Type.Object(
  { channel, paused: Type.Boolean() },
  { additionalProperties: false },
);
export type UpdateSettings = Static<typeof UpdateSettings>;

/**
 * `POST /api/update/install` fetches and installs the release that is available, or the one named (an older one only with
 * `allowDowngrade`). Answers 202 when it has begun. `POST /api/update/check` and `POST /api/update/restart` have no body.
 */
export const InstallRequest = Type.Object(
  { version: Type.Optional(version), allowDowngrade: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
export type InstallRequest = Static<typeof InstallRequest>;

/** `PUT /api/update/bundle?allowDowngrade=true`: the bundle itself as `application/octet-stream`. Answers 202 as `install` does. */
export const BundleQuery = Type.Object({ allowDowngrade: Type.Optional(Type.Boolean()) });
