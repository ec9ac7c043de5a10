import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fixedUuid } from './disk.ts';
import type { LockedPackage } from './lock.ts';

interface NpmLock {
  packages: Record<string, { version?: string; license?: string; integrity?: string; dev?: boolean }>;
}

/** What is in the image, as SPDX 2.3: every Debian package of the lock, Node, and every npm package of the program. */
export async function contentsOf(options: {
  checkout: string;
  packages: readonly LockedPackage[];
  /** Of the build's own packages, those that are in the image too. */
  inside: readonly string[];
  name: string;
  version: string;
  time: number;
}): Promise<string> {
  const { checkout, packages, inside, name, version, time } = options;
  const npm = JSON.parse(await readFile(join(checkout, 'package-lock.json'), 'utf8')) as NpmLock;
  const node = npm.packages['node_modules/node']?.version ?? '';
  const debian = packages
    .filter(({ how, name: one }) => how !== 'tool' || inside.includes(one))
    .map((each) => ({
      SPDXID: `SPDXRef-deb-${spdxId(each.name)}`,
      name: each.name,
      versionInfo: each.version,
      downloadLocation: `http://deb.debian.org/${each.path}`,
      checksums: [{ algorithm: 'SHA256', checksumValue: each.sha256 }],
      filesAnalyzed: false,
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: 'NOASSERTION',
      copyrightText: 'NOASSERTION',
      externalRefs: [
        purl(`pkg:deb/debian/${each.name}@${encodeURIComponent(each.version)}?arch=${each.architecture}`),
      ],
    }));
  const programs = Object.entries(npm.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, each]) => ({ ...each, name: path.slice(path.lastIndexOf('node_modules/') + 13) }));
  const scripts = [...programs, { name: 'node', version: node, license: 'MIT' }].map((each) => ({
    SPDXID: `SPDXRef-npm-${spdxId(`${each.name}-${each.version ?? ''}`)}`,
    name: each.name,
    versionInfo: each.version ?? '',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: each.license ?? 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    externalRefs: [purl(`pkg:npm/${each.name.replace('@', '%40')}@${each.version ?? ''}`)],
  }));
  const all = [...debian, ...unique(scripts)];
  const image = {
    SPDXID: 'SPDXRef-image',
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
  };
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${name}-${version}`,
    documentNamespace: `urn:uuid:${fixedUuid(`${name} ${version} ${time}`)}`,
    creationInfo: {
      created: new Date(time * 1000).toISOString().replace('.000', ''),
      creators: ['Tool: porchlight-image'],
    },
    documentDescribes: [image.SPDXID],
    packages: [image, ...all],
    relationships: all.map(({ SPDXID }) => ({
      spdxElementId: image.SPDXID,
      relationshipType: 'CONTAINS',
      relatedSpdxElement: SPDXID,
    })),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

function purl(referenceLocator: string) {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator };
}

const spdxId = (text: string): string => text.replaceAll(/[^a-zA-Z0-9.-]/g, '-');

function unique<T extends { SPDXID: string }>(packages: readonly T[]): T[] {
  return [...new Map(packages.map((each) => [each.SPDXID, each])).values()].toSorted((a, b) =>
    a.SPDXID < b.SPDXID ? -1 : 1,
  );
}
