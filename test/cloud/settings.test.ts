import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { Cloud } from '../../src/cloud/cloud.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import { temporaryFolder } from '../support/folder.ts';

it.each([
  ['every address of the machine is no address to tell anybody', []],
  ['a word is no address', ['--dns.name-servers=ns1.box.example.org=203.0.113']],
])('a dns-server that nobody could find does not start: %s', async (_, settings) => {
  const folder = temporaryFolder();
  const tls = await (await createTestCa()).issue(['localhost']);
  for (const [name, pem] of Object.entries(tls)) writeFileSync(join(folder, name), pem);
  const args = [
    `--state=${folder}`,
    `--tls.cert-file=${join(folder, 'certPem')}`,
    `--tls.key-file=${join(folder, 'keyPem')}`,
    '--dns.port=0',
    '--zone-api.port=0',
    '--system.port=0',
    ...settings,
  ];
  const { config } = loadConfig(CloudConfig, { env: {}, args });
  const cloud = new Cloud({ config, parts: ['dns-server'], manager: serviceManager({}), log: silentLog });
  onTestFinished(() => cloud.stop());
  await expect(cloud.start(AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: 'bad-config',
    retryable: false,
    message: expect.stringContaining('dns.name-servers'),
  });
});

const settingsWith = (endpoint: string): unknown =>
  loadConfig(CloudConfig, { env: {}, args: [`--relay.endpoints=${endpoint}`] });

it('a relay that the PageKite client cannot be told of is refused, and what can is said', () => {
  expect(() => settingsWith('[2001:db8::1]:443')).toThrow(/NAME:PORT or IPV4:PORT/);
  expect(settingsWith('relay.example.org:443')).toMatchObject({
    config: { relay: { endpoints: ['relay.example.org:443'] } },
  });
});

it.each([
  ['a flag', [`--frontend.port=444`], {}],
  ['a variable', [], { PORCHLIGHT_FRONTEND_PORT: '444' }],
])('the relay takes %s by the name it had before, and says what it is called now', (_, args, env) => {
  const { config, deprecations } = loadConfig(CloudConfig, { env, args });
  expect(config.relay.port).toBe(444);
  expect(deprecations).toEqual([expect.stringMatching(/^frontend\.port \(.+\) is called relay\.port now/)]);
});

it('a file that still says [frontend] is taken, and the name of today wins', () => {
  const file = join(temporaryFolder(), 'cloud.toml');
  writeFileSync(
    file,
    '[relay]\nport = 445\n[frontend]\nport = 444\naddresses = ["203.0.113.10"]\nkey-file = 3\n',
  );
  expect(() => loadConfig(CloudConfig, { file, env: {}, args: [] })).toThrow(/relay\.key-file must be text/);
  const args = ['--relay.key-file=/x'];
  writeFileSync(file, '[relay]\nport = 445\n[frontend]\nport = 444\naddresses = ["203.0.113.10"]\n');
  const { config, deprecations } = loadConfig(CloudConfig, { file, env: {}, args });
  expect(config.relay).toMatchObject({ port: 445, addresses: ['203.0.113.10'], keyFile: '/x' });
  expect(deprecations).toHaveLength(2);
});
