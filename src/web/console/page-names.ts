/** The pages of those who are signed in, in the order of the navigation. */
const ownerPages = [
  'home',
  'services',
  'sessions',
  'approvals',
  'people',
  'apps',
  'settings',
  'updates',
  'backup',
  'audit',
  'logs',
  'account',
  'about',
] as const;
export type PageName = (typeof ownerPages)[number];

const forOwnersAlone: ReadonlySet<string> = new Set([
  'approvals',
  'people',
  'apps',
  'settings',
  'updates',
  'backup',
  'audit',
  'logs',
]);

/** Those that the box answers to a person of this role; the first is where they begin. */
export function pagesFor(role: string): readonly PageName[] {
  return role === 'owner' ? ownerPages : ownerPages.filter((name) => !forOwnersAlone.has(name));
}
