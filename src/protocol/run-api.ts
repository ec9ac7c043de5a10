import { type Static, Type } from 'typebox';

/**
 * A *run* is one start of a box until its end; each has a random id. Two runs of one identity at the same time are two boxes:
 * somebody copied a card. The run stands in headers of the calls to dns-server and registration-server, and in a kite of the
 * tunnel; a box without it is served as before. It is no secret and proves nothing: the TLS client certificate does.
 */
export const runHeaders = { run: 'porchlight-run', before: 'porchlight-run-before' } as const;

/** 128 random bits in hex. */
export const runIdPattern = '^[0-9a-f]{32}$';

/**
 * How a run stands: nobody else is there (`alone`), another one wanted to be and was refused (`first`), another one is there
 * (`copy`), so that all that changes something is refused with `copied-identity`.
 */
const standings = ['alone', 'first', 'copy'] as const;
const standing = Type.Enum(standings);

/**
 * Body of `POST /v1/zones/{boxId}/run`. `knows`: the standing as the box was told last;
 * `unknown` at first. The answer is held back while that is
 * right, for `waitSeconds` at most; it comes at once when another run appears, and the box, calling again, is proven to live.
 */
export const StandingRequest = Type.Object(
  { waitSeconds: Type.Integer({ minimum: 0, maximum: 300 }), knows: Type.Enum(['unknown', ...standings]) },
  { additionalProperties: false },
);
export type StandingRequest = Static<typeof StandingRequest>;

export const StandingAnswer = Type.Object({
  standing,
  /** Since when the server knows of two, ms since the epoch. */
  since: Type.Union([Type.Integer(), Type.Null()]),
  /** Call again after so long; 0: at once. */
  againInSeconds: Type.Number({ minimum: 0, maximum: 86_400 }),
});
export type StandingAnswer = Static<typeof StandingAnswer>;

/** What a person does about two boxes with one identity. */
export const copyRemedy =
  'on the box that is the copy, run porchlight reset --forget-identity --yes: it becomes a box of its own';

/** The label of the kite that tells the relay which run a tunnel is of, and since when (ms) it is the one that may. */
export function runLabel({ run, since }: { run: string; since: number }): string {
  return `run-${since.toString(16).padStart(12, '0')}-${run}`;
}

/** `undefined` for the label of anything else. */
export function runOfLabel(label: string): { run: string; since: number } | undefined {
  const [, since = '', run = ''] = /^run-([0-9a-f]{12})-([0-9a-f]{32})$/.exec(label) ?? [];
  return run === '' ? undefined : { run, since: Number.parseInt(since, 16) };
}
