import type { StateView } from '../../../protocol/access-api.ts';
import { date, daysUntil, relativeTime } from '../../shared/format.ts';
import type { ConsoleText } from '../../shared/text/console.ts';

type Condition = StateView['conditions'][number];
export type Severity = Condition['severity'];
type Part = keyof ConsoleText['home']['parts'];

/** One part of the box, in words. */
export interface Row {
  name: string;
  severity: Severity;
  sentences: readonly string[];
  remedy: string | undefined;
  /** Since when it is so; absent for what is well. */
  since: string | undefined;
  /** What the box itself says of what is not well, in English. */
  boxSays: readonly string[];
}

/** The conditions of kit/runtime/health.ts that each part stands for: the name itself and what is below it (`zone.state`). */
const conditionsOf: Record<Part, readonly string[]> = {
  address: ['network'],
  name: ['zone'],
  certificate: ['certificate', 'web'],
  tunnel: ['tunnel'],
  announce: ['announce'],
  mdns: ['mdns'],
  clock: ['clock'],
  identity: ['identity'],
};

/** Clocks that differ by less are the same for every purpose here. */
const clockToleranceMs = 120_000;
const rank: Record<Severity, number> = { ok: 0, warning: 1, error: 2 };

export function worst(severities: readonly Severity[]): Severity {
  return severities.reduce((one, other) => (rank[other] > rank[one] ? other : one), 'ok');
}

/** Every part of the box in the order of its picture. `now`: the browser's clock, when `state` arrived. */
export function homeRows(state: StateView, now: number, locale: string, text: ConsoleText): Row[] {
  const { home } = text;
  const row = (
    part: Part,
    sentences: readonly string[],
    { own = 'ok', remedy = home.remedies[part] }: { own?: Severity; remedy?: string } = {},
  ): Row => {
    const conditions = state.conditions.filter(
      ({ name, severity }) => severity !== 'ok' && belongs(name, conditionsOf[part]),
    );
    const severity = worst([own, ...conditions.map((condition) => condition.severity)]);
    return {
      name: home.parts[part],
      severity,
      sentences,
      remedy: severity === 'ok' ? undefined : remedy,
      ...told(conditions, state.now, locale),
    };
  };
  const known = Object.values(conditionsOf).flat();
  const differs = Math.abs(now - state.now);
  return [
    row('address', [state.addresses.length > 0 ? home.address(state.addresses.join(', ')) : home.noAddress]),
    isFiltered(state)
      ? row('name', [home.nameFiltered], { remedy: home.remedies.filtered })
      : row('name', [hostOf(state, 'main') === undefined ? home.noName : home.nameGood]),
    row('certificate', [certificateSentence(state, locale, text)]),
    row('tunnel', [home.tunnel[state.tunnel.phase]]),
    row('announce', announceSentences(state, locale, text)),
    row('mdns', [mdnsSentence(state, text)]),
    row('clock', clockSentences(state, differs, text), {
      own: differs < clockToleranceMs ? 'ok' : 'warning',
    }),
    row('identity', [identitySentence(state, text)]),
    // Parts that this page does not know, when they are not well: in the box's own words.
    ...state.conditions
      .filter(({ name, severity }) => severity !== 'ok' && !belongs(name, known))
      .map((condition): Row => ({
        name: condition.name,
        severity: condition.severity,
        sentences: [],
        remedy: undefined,
        ...told([condition], state.now, locale),
      })),
  ];
}

function belongs(name: string, parts: readonly string[]): boolean {
  return parts.some((part) => name === part || name.startsWith(`${part}.`));
}

function told(conditions: readonly Condition[], now: number, locale: string): Pick<Row, 'since' | 'boxSays'> {
  const since = Math.min(...conditions.map((condition) => condition.since));
  return {
    since: conditions.length === 0 ? undefined : relativeTime(since, now, locale),
    boxSays: conditions.map(({ message, remedy }) =>
      remedy === undefined ? message : `${message}; ${remedy}`,
    ),
  };
}

function hostOf(state: StateView, kind: StateView['ways'][number]['kind']): string | undefined {
  const way = state.ways.find((candidate) => candidate.kind === kind);
  return way === undefined ? undefined : new URL(way.url).host;
}

/** The home's router takes private addresses out of answers: the one cause whose remedy the person alone can apply. */
function isFiltered({ conditions }: StateView): boolean {
  return conditions.some(({ name, severity }) => name === 'zone.rebinding-filter' && severity !== 'ok');
}

/** Two boxes have one identity, and this is the copy, or the one that was there first. */
function identitySentence({ conditions }: StateView, { home }: ConsoleText): string {
  const severity = conditions.find(({ name }) => name === 'identity.copied')?.severity ?? 'ok';
  return { ok: home.identityGood, warning: home.hasCopy, error: home.isCopy }[severity];
}

function mdnsSentence(state: StateView, { home }: ConsoleText): string {
  const name = hostOf(state, 'local');
  return name === undefined ? home.mdnsNone : home.mdnsGood(name);
}

/** By the box's clock, which is what the box renews by. */
function certificateSentence(state: StateView, locale: string, { home }: ConsoleText): string {
  if (state.certificate === null) return home.noCertificate;
  const { notAfter } = state.certificate;
  const end = date(notAfter, locale);
  return notAfter <= state.now
    ? home.certificateOver(end)
    : home.certificateDays(daysUntil(notAfter, state.now), end);
}

function announceSentences(state: StateView, locale: string, { home }: ConsoleText): string[] {
  const { announcedAt, shortCode } = state.announce;
  if (announcedAt === null) return [home.notAnnounced];
  const announced = home.announced(relativeTime(announcedAt, state.now, locale));
  return shortCode === null ? [announced] : [announced, home.shortCode(shortCode)];
}

function clockSentences({ conditions }: StateView, differsMs: number, { home }: ConsoleText): string[] {
  const doubt = conditions.some(({ name, severity }) => name === 'clock' && severity !== 'ok');
  const off = differsMs < clockToleranceMs ? [] : [home.clockOff(Math.round(differsMs / 60_000))];
  return doubt || off.length > 0 ? [...(doubt ? [home.clockInDoubt] : []), ...off] : [home.clockGood];
}
