import { Problem } from '../../kit/runtime/errors.ts';
import { type BoxId, isBoxId } from '../../protocol/names.ts';

/**
 * Who may be told which boxes are near: a lasting identifier of the home, and whether it has set its box up.
 * `all`: pages of the apps that the operator lists, and what says no origin. Browsers always say it when a page could read the
 * answer (Fetch, 3.2), so that is a program on a machine at home, like the clients of 2016, which share the network with the
 * box anyhow. A page of a box is told of that box. Anybody else is refused; a person can choose a box for them (`/choose`).
 */
export type MayAsk = 'all' | { only: BoxId };

/** Throws `origin-not-listed`. `apps`: origins as browsers write them. */
export function mayAsk(
  origin: string | undefined,
  { apps, zoneRoot }: { apps: ReadonlySet<string>; zoneRoot: string },
): MayAsk {
  if (origin === undefined || apps.has(origin)) return 'all';
  const box = boxOfOrigin(origin, zoneRoot);
  if (box !== undefined) return { only: box };
  throw new Problem(
    'origin-not-listed',
    `${origin.slice(0, 200)} is none of the apps that the operator of this server lists (registration.apps); send the person to /choose, where they choose a box for you`,
    { status: 403, retryable: false },
  );
}

/** The box that this origin belongs to: the label left of the zone root. */
function boxOfOrigin(origin: string, zoneRoot: string): BoxId | undefined {
  const host = /^https:\/\/([a-z0-9.-]+)(?::\d{1,5})?$/.exec(origin)?.[1] ?? '';
  if (!host.endsWith(`.${zoneRoot}`)) return undefined;
  const label =
    host
      .slice(0, -zoneRoot.length - 1)
      .split('.')
      .at(-1) ?? '';
  return isBoxId(label) ? label : undefined;
}
