import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock, LockedPackage } from './lock.ts';
import { packagesFor } from './packages.ts';
import { run } from './run.ts';

type Found = Omit<LockedPackage, 'how'>;

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const archive = 'http://deb.debian.org';

const sources = `deb [signed-by=${keyring}] ${archive}/debian trixie main non-free-firmware
deb [signed-by=${keyring}] ${archive}/debian trixie-updates main non-free-firmware
deb [signed-by=${keyring}] ${archive}/debian trixie-backports main non-free-firmware
deb [signed-by=${keyring}] ${archive}/debian-security trixie-security main non-free-firmware
`;

/**
 * Asks apt, with package lists and a state of its own and Debian's signatures checked, which packages an image of this
 * architecture needs today. `now` in milliseconds.
 */
export async function resolvePackages(
  architecture: 'amd64' | 'arm64',
  folder: string,
  now: number,
): Promise<Lock> {
  const apt = await aptIn(folder, architecture);
  await apt('apt-get', 'update', '-q');
  const choice = packagesFor[architecture];
  const needed = async (names: readonly string[]): Promise<readonly Found[]> => {
    const paths = parseUris(
      await apt('apt-get', 'install', '-qq', '-y', '--print-uris', '--no-install-recommends', ...names),
    );
    const known = parseStanzas(await apt('apt-cache', 'show', ...new Set(paths.values())));
    return [...paths.keys()].map((path) => {
      const one = known.find((each) => path.endsWith(`/${each.path}`));
      if (one === undefined) throw new Error(`apt names ${path} and does not know it`);
      return { ...one, path };
    });
  };
  const found = new Map<string, LockedPackage>();
  const add = (how: LockedPackage['how'], packages: readonly Found[]): void => {
    for (const each of packages) if (!found.has(each.name)) found.set(each.name, { ...each, how });
  };
  add('install', await needed(['?and(?essential, ?not(?exact-name(apt)))', ...choice.install]));
  // These for themselves: what they would want to run beside is not.
  const alone = async (names: readonly string[]): Promise<readonly Found[]> =>
    names.length === 0 ? [] : (await needed(names)).filter(({ name }) => names.includes(name));
  add('unpack', await alone([choice.kernel, ...choice.unpack]));
  add('tool', await alone(choice.tools));
  return { time: Math.floor(now / 1000), packages: [...found.values()] };
}

/** The archive's paths in what `apt-get --print-uris` says: 'URL' file size hash, where the hash is MD5. */
export function parseUris(text: string): Map<string, string> {
  const found = [...text.matchAll(/^'https?:\/\/[^/]+\/([^']+)' ([^_ ]+)_/gm)];
  return new Map(found.map(([, path = '', name = '']) => [decodeURIComponent(path), name]));
}

/** Debian's control stanzas (`apt-cache show`), as what a lock holds. */
export function parseStanzas(text: string): Found[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1] ?? '';
    const path = field('Filename');
    return path === ''
      ? []
      : [
          {
            name: field('Package'),
            version: field('Version'),
            architecture: field('Architecture'),
            path,
            size: Number(field('Size')),
            sha256: field('SHA256'),
          },
        ];
  });
}

async function aptIn(folder: string, architecture: string) {
  const etc = join(folder, 'etc');
  const state = join(folder, 'state');
  await Promise.all(
    [etc, join(state, 'lists/partial'), join(folder, 'cache/archives/partial')].map((path) =>
      mkdir(path, { recursive: true }),
    ),
  );
  await writeFile(join(etc, 'sources.list'), sources);
  await writeFile(join(state, 'status'), '');
  const settings = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::Etc=${etc}`,
    `Dir::Etc::SourceList=${join(etc, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::Parts=/dev/null',
    'Dir::Etc::Preferences=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    `Dir::State=${state}`,
    `Dir::State::Status=${join(state, 'status')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=',
    'Acquire::Languages=none',
  ].flatMap((setting) => ['-o', setting]);
  return async (program: string, ...args: readonly string[]) =>
    (await run(program, [...settings, ...args])).toString();
}
