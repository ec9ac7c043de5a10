import { expect, it } from 'vitest';
import { BoxConfig } from '../../src/box/config.ts';
import { CardSettings, readCardSettings } from '../../src/box/card/card-settings.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { readLeniently } from '../../src/kit/config/config.ts';
import { type Setting, settingsOf } from '../../src/kit/config/settings.ts';
import { mentions, pages } from './pages.ts';

const box = settingsOf(BoxConfig);
const cloud = settingsOf(CloudConfig);
const all = [...box, ...cloud, ...settingsOf(CardSettings, 'allowed')];
const valueOf = (settings: readonly Setting[], key: string): unknown =>
  settings.find((setting) => setting.key === key)?.default;

const portOf = (value: unknown): number => Number(new URL(String(value)).port);

it('every setting that a page names is one', () => {
  const keys = new Set(all.map(({ key }) => key));
  const sections = new Set(all.filter(({ key }) => key.includes('.')).map(({ key }) => key.split('.')[0]));
  const unknown = mentions(/(?<!condition )`([a-z][a-z-]*)\.([a-z][a-z-]*)`/g).filter(({ found }) => {
    const [, section = '', key = ''] = found;
    // `box.ts` is a file, *condition `access.instances`* one of health.
    return (
      sections.has(section) &&
      !/^(ts|js|html|toml|md|sock|crt|key|service|conf)$/.test(key) &&
      !keys.has(`${section}.${key}`)
    );
  });
  expect(unknown.map(({ page, found }) => `${page}: ${found[0]}`)).toEqual([]);
});

it('every example of a settings file is read without a fault, by who reads it', () => {
  const examples = mentions(/```toml\n(.*?)```/gs);
  expect(examples.length).toBeGreaterThan(3);
  for (const { page, found } of examples) {
    const text = found[1] ?? '';
    const readers = [
      readLeniently(BoxConfig, text).faults,
      readLeniently(CloudConfig, text).faults,
      readCardSettings(text).faults,
    ];
    // One of the three programs takes it as it stands.
    expect(readers.some((faults) => faults.length === 0) ? [] : [page, readers]).toEqual([]);
  }
});

it('boxes and apps look for each part of the cloud where it listens unless told otherwise', () => {
  expect(portOf(valueOf(box, 'cloud.zone-api'))).toBe(valueOf(cloud, 'zone-api.port'));
  expect(portOf(valueOf(box, 'cloud.registration'))).toBe(valueOf(cloud, 'registration.port'));
  const [app] = valueOf(box, 'access.apps') as string[];
  // An app that is reached at another port is another one: `app-not-allowed`.
  expect(portOf(app)).toBe(valueOf(cloud, 'app.port'));
});

it('addresses in examples have the ports of the parts, and the same app everywhere', () => {
  const ports: Record<string, unknown> = {
    dns: valueOf(cloud, 'zone-api.port'),
    registration: valueOf(cloud, 'registration.port'),
    mailbox: valueOf(cloud, 'mailbox.port'),
  };
  const operating = new Set(['docs/OPERATING.md', 'docs/FIRST-BOOT.md']);
  const named = mentions(/https:\/\/(dns|registration|mailbox)\.example\.org(:\d+)?/g);
  expect(named.length).toBeGreaterThan(3);
  for (const { page, found } of named) {
    expect(`${page} ${found[0]}`).toBe(
      `${page} https://${found[1]}.example.org:${String(ports[found[1] ?? ''])}`,
    );
  }
  const apps = mentions(/https:\/\/app\.example\.org(:\d+)?\//g).filter(({ page }) => operating.has(page));
  expect(new Set(apps.map(({ found }) => found[0]))).toEqual(
    new Set([`https://app.example.org:${String(valueOf(cloud, 'app.port'))}/`]),
  );
  const opened = pages.get('docs/OPERATING.md') ?? '';
  for (const key of [
    'zone-api.port',
    'registration.port',
    'mailbox.port',
    'app.port',
    'relay.port',
    'dns.port',
  ]) {
    expect(`${key}: ${opened}`).toMatch(new RegExp(`\\b${String(valueOf(cloud, key))}\\b`));
  }
});
