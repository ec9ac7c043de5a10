import type { LenientFault, LenientlyRead } from '../../kit/config/config.ts';
import { sectionsOf } from '../../kit/config/meant-key.ts';
import { settingsOf } from '../../kit/config/settings.ts';
import { countryFault } from './as-meant.ts';
import { CardSettings, type CardValues } from './card-settings.ts';
import { ssidMost } from './system-files.ts';

/**
 * Settings that mean something only together: they are taken together or not at all, because half of them would be a thing
 * that nobody asked for (an own zone root with the address of another cloud). A setting that is in none is its own group.
 */
const together: Readonly<Record<string, readonly string[]>> = {
  wifi: ['wifi.ssid', 'wifi.password', 'wifi.country'],
  cloud: ['zone.root', 'cloud.zone-api', 'cloud.registration', 'cloud.mailbox', 'cloud.ca-file'],
  ca: ['acme.directory', 'acme.staging', 'acme.ca-file', 'acme.eab-kid', 'acme.eab-hmac-key'],
  'update-server': ['update.server', 'update.ca-file'],
};

export type Group = string;

/**
 * How the file stands to a group. `said`: it holds, also when the file says nothing of it, for that is how something is
 * removed. `wrong`: something of it is there and cannot be taken. `unreadable`: nobody can say what is there of it.
 * `unclear`: nothing of it is there, but something else that may have been meant for it.
 */
export type Standing = 'said' | 'wrong' | 'unreadable' | 'unclear';

const keys = settingsOf(CardSettings, 'allowed').map(({ key }) => key);
export const groups: readonly Group[] = [...new Set(keys.map(groupOf))];

export function groupOf(key: string): Group {
  return Object.entries(together).find(([, members]) => members.includes(key))?.[0] ?? key;
}

/** What is wrong only when it is looked at together. */
function faultsTogether(values: CardValues): LenientFault[] {
  const has = (key: string): boolean => values.has(key);
  const faults: LenientFault[] = [];
  const fault = (key: string, message: string): unknown => faults.push({ key, message });
  if (has('zone.root') !== has('cloud.zone-api')) {
    const [there, missing] = has('zone.root')
      ? ['zone.root', 'cloud.zone-api']
      : ['cloud.zone-api', 'zone.root'];
    fault(missing, `${missing} is missing: with ${there} of a cloud of your own, both have to be there`);
  }
  if (has('acme.eab-kid') !== has('acme.eab-hmac-key'))
    fault('acme.eab-kid', 'acme.eab-kid and acme.eab-hmac-key belong together, and one is missing');
  const wifi = ['wifi.password', 'wifi.country'].find(has);
  const ssid = values.get('wifi.ssid');
  if (ssid === undefined && wifi !== undefined)
    fault('wifi.ssid', `wifi.ssid is missing: ${wifi} is of no use without the name of the network`);
  if (ssid !== undefined && !has('wifi.password'))
    fault('wifi.password', 'wifi.password is missing: for an open network, write password = ""');
  if (typeof ssid === 'string' && Buffer.byteLength(ssid) > ssidMost)
    fault('wifi.ssid', 'wifi.ssid is longer than 32 bytes, which no network has as its name');
  const country = countryFault(values.get('wifi.country'));
  if (country !== undefined) fault('wifi.country', country);
  return faults;
}

/** What is wrong in a file that was read, looked at together, too; and how it stands to each group. */
export function assessed({ values, faults }: LenientlyRead): {
  faults: readonly LenientFault[];
  standings: Map<Group, Standing>;
} {
  const wrong = new Set(faults.flatMap(groupsAtFault));
  // Where one is wrong already, another one is missing only because of that.
  const more = faultsTogether(values).filter(({ key }) => !wrong.has(groupOf(key)));
  for (const { key } of more) wrong.add(groupOf(key));
  const unclear = faults.some((fault) => groupsAtFault(fault).length === 0);
  const there = new Set([...values.keys()].map(groupOf));
  const standingOf = (group: Group): Standing =>
    wrong.has(group) ? 'wrong' : unclear && !there.has(group) ? 'unclear' : 'said';
  return {
    faults: [...faults, ...more],
    standings: new Map(groups.map((group) => [group, standingOf(group)])),
  };
}

/** For a file that is text and no TOML: of what it does not mention, nothing was meant to change. */
export function standingsOfUnreadable(text: string | undefined): Map<Group, Standing> {
  const mentions = (group: Group): boolean => {
    const words = keys.filter((key) => groupOf(key) === group).map((key) => key.split('.')[0] ?? key);
    return text === undefined || words.some((word) => text.toLowerCase().includes(word));
  };
  return new Map(groups.map((group) => [group, mentions(group) ? 'unreadable' : 'unclear']));
}

/** For a card without the file: what was taken over before stays. */
export function standingsOfNothing(): Map<Group, Standing> {
  return new Map(groups.map((group) => [group, 'unclear']));
}

const section = (key: string): string | undefined => key.split('.')[0];

/** What was meant is likely, and no more: what stands in another section is against its own, too. */
function groupsAtFault({ key, meant }: LenientFault): Group[] {
  if (meant === undefined) return groupsMeant(key);
  return section(key) === section(meant)
    ? groupsMeant(meant)
    : [...new Set([...groupsMeant(meant), ...groupsMeant(key)])];
}

/** The groups that a key that is wrong may have been meant for: its own, or all of its section. */
function groupsMeant(key: string): Group[] {
  if (keys.includes(key)) return [groupOf(key)];
  const sections = new Set([key, ...sectionsOf(key)]);
  const near = keys.filter((other) => sectionsOf(other).some((section) => sections.has(section)));
  return [...new Set(near.map(groupOf))];
}
