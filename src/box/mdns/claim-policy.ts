import { keyOf, type Names, type OwnedRecord, sameName, uniqueNames, wireOf } from './records.ts';

/** Three probes, a quarter of a second apart, after a random pause of up to one (RFC 6762, 8.1). */
export const probing = { count: 3, pauseMs: 250 } as const;

/** Whoever loses a race of probes waits so long (RFC 6762, 8.2). */
export const deferMs = 1000;

/** What we want to know, and what we would say: the records that nobody else may have (RFC 6762, 8.2). */
export function probeFor(owned: readonly OwnedRecord[]): {
  questions: { name: string; type: 'ANY' }[];
  authorities: OwnedRecord[];
} {
  return {
    questions: uniqueNames(owned).map((name) => ({ name, type: 'ANY' })),
    authorities: owned.filter(({ flush }) => flush).map(({ flush: _flush, ...record }) => record),
  };
}

/**
 * The first of our names for which `heard` says something else (RFC 6762, 9). `ours` are the records of *all* our links:
 * a reflector carries what we say from one to another. While probing, any other record of the name is a conflict; once the
 * name is ours, one of a type that we have.
 */
export function conflictIn(
  heard: readonly OwnedRecord[],
  ours: readonly OwnedRecord[],
  names: Names,
  claimed: boolean,
): keyof Names | undefined {
  const unique = ours.filter(({ flush }) => flush);
  const known = new Set(unique.map(keyOf));
  const stranger = heard.find(
    (record) =>
      record.ttl > 0 &&
      record.type !== 'NSEC' &&
      unique.some(({ name, type }) => sameName(name, record.name) && (!claimed || type === record.type)) &&
      !known.has(keyOf(record)),
  );
  if (stranger === undefined) return undefined;
  return sameName(stranger.name, names.host) ? 'host' : 'instance';
}

/** Whether another one that probes for a name of ours at the same time goes first: the later data win (RFC 6762, 8.2). */
export function losesTo(theirs: readonly OwnedRecord[], ours: readonly OwnedRecord[]): boolean {
  return uniqueNames(ours).some((name) => {
    const [mine, other] = [ours, theirs].map((records) =>
      records
        .filter((record) => sameName(record.name, name))
        .map(wireOf)
        .toSorted((a, b) => Buffer.compare(a, b)),
    );
    return other !== undefined && other.length > 0 && compareLists(mine ?? [], other) < 0;
  });
}

function compareLists(a: readonly Buffer[], b: readonly Buffer[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    const order = Buffer.compare(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** After fifteen conflicts within ten seconds, each further try waits for five (RFC 6762, 8.1): never a storm. */
export const storm = { conflicts: 15, withinMs: 10_000, waitMs: 5000 } as const;

/** Whether it has come to that, from when (ms) the last conflicts were. */
export function isStorm(conflicts: readonly number[], now: number): boolean {
  const oldest = conflicts.at(-storm.conflicts);
  return oldest !== undefined && now - oldest < storm.withinMs;
}
