import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { configTable, helpOf, loadConfig, type ConfigFault } from '../../../src/kit/config/config.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { temporaryFolder } from '../../support/folder.ts';

const schema = Type.Object({
  state: Type.String({ minLength: 1, default: '/var/lib/porchlight', description: 'Where the state lies.' }),
  dnsServer: Type.Object({
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 5300, description: 'Port of the zone API.' }),
    acceptSha1Zones: Type.Boolean({
      default: false,
      description: 'Zones of 2016.',
      flag: 'accept-sha1-zones',
    }),
    nameServers: Type.Array(Type.String({ minLength: 1 }), { default: ['ns'], description: 'Names.' }),
    ports: Type.Array(Type.Integer({ minimum: 1 }), { default: [], description: 'Ports.' }),
  }),
  log: Type.Object({
    level: Type.Enum(['debug', 'info', 'warn'], { default: 'info', description: 'What to log.' }),
    share: Type.Number({ minimum: 0, maximum: 1, default: 0.5, description: 'A share.' }),
    file: Type.Optional(Type.String({ description: 'Log to a file.' })),
  }),
  services: Type.Record(Type.String({ pattern: '^[a-z]+$' }), Type.String({ minLength: 1 }), {
    default: {},
    description: 'Published services | by name.',
    flag: 'publish',
  }),
});

const folder = temporaryFolder();
let files = 0;

function tomlFile(text: string): string {
  const path = join(folder, `${files++}.toml`);
  writeFileSync(path, text);
  return path;
}

function dnsServerTable(port: number, acceptSha1Zones: boolean, nameServers: readonly string[]): string {
  const path = join(folder, 'property.toml');
  const keys = `port = ${port}\naccept-sha1-zones = ${acceptSha1Zones}\nname-servers = ${JSON.stringify(nameServers)}`;
  writeFileSync(path, `[dns-server]\n${keys}\n`);
  return path;
}

/** The problem with a configuration, or `undefined` when it is accepted. */
function problemWith(sources: Partial<Parameters<typeof loadConfig>[1]>): unknown {
  try {
    return void loadConfig(schema, { env: {}, args: [], ...sources });
  } catch (error) {
    return error;
  }
}

function faultsOf(sources: Parameters<typeof problemWith>[0]): readonly ConfigFault[] {
  const problem = problemWith(sources);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ code: 'bad-config', retryable: false });
  return (problem as Problem).details['faults'] as ConfigFault[];
}

describe('sources', () => {
  it('has the defaults when nothing is given, and leaves out what is optional', () => {
    const { config, rest, origins } = loadConfig(schema, { env: { HOME: '/root' }, args: [] });
    expect(config).toEqual({
      state: '/var/lib/porchlight',
      dnsServer: { port: 5300, acceptSha1Zones: false, nameServers: ['ns'], ports: [] },
      log: { level: 'info', share: 0.5 },
      services: {},
    });
    expect(rest).toEqual([]);
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
  });

  it('lets the environment override the file, and flags the environment, and says where each value is from', () => {
    const file = tomlFile(
      'state = "file"\n\n[dns-server]\nport = 1\naccept-sha1-zones = true\n[log]\nlevel = "warn"\n',
    );
    const env = { PORCHLIGHT_DNS_SERVER_PORT: '2', PORCHLIGHT_LOG_LEVEL: 'debug' };
    const { config, origins } = loadConfig(schema, { file, env, args: ['--log.level=info'] });
    expect(config.state).toBe('file');
    expect(config.dnsServer).toMatchObject({ port: 2, acceptSha1Zones: true });
    expect(config.log.level).toBe('info');
    expect(origins).toMatchObject({
      state: `${file}:1`,
      'dns-server.port': 'PORCHLIGHT_DNS_SERVER_PORT',
      'dns-server.accept-sha1-zones': `${file}:5`,
      'log.level': '--log.level',
      'log.share': 'default',
    });
  });

  it('reads maps and lists from the file as they stand there', () => {
    const file = tomlFile('dns-server.ports = [1, 2]\n[services]\nphotos = "http://127.0.0.1:3000/?a=b,c"\n');
    const { config } = loadConfig(schema, { file, env: {}, args: [] });
    expect(config.dnsServer.ports).toEqual([1, 2]);
    expect(config.services).toEqual({ photos: 'http://127.0.0.1:3000/?a=b,c' });
  });

  it('reads a file named by flag or variable, the flag first; such a file must be there, the usual one need not', () => {
    const usual = join(folder, 'missing.toml');
    expect(loadConfig(schema, { file: usual, env: {}, args: [] }).config.state).toBe('/var/lib/porchlight');
    const env = { PORCHLIGHT_CONFIG: tomlFile('state = "variable"') };
    expect(loadConfig(schema, { file: usual, env, args: [] }).config.state).toBe('variable');
    const args = ['--config', tomlFile('state = "flag"')];
    expect(loadConfig(schema, { file: usual, env, args }).config.state).toBe('flag');
    expect(faultsOf({ args: ['--config', usual] })[0]?.message).toMatch(
      /^cannot read .*missing\.toml: ENOENT/,
    );
  });

  it('converts text by the schema', () => {
    const { config } = loadConfig(schema, {
      env: {
        PORCHLIGHT_DNS_SERVER_NAME_SERVERS: 'a, b,,c',
        PORCHLIGHT_DNS_SERVER_PORTS: '1,2',
        PORCHLIGHT_LOG_SHARE: '0.25',
        PORCHLIGHT_SERVICES: 'photos=http://127.0.0.1:3000/?a=b, music=x',
      },
      args: ['--dns-server.accept-sha1-zones=true', '--log.file', '/tmp/x'],
    });
    expect(config.dnsServer).toMatchObject({
      nameServers: ['a', 'b', 'c'],
      ports: [1, 2],
      acceptSha1Zones: true,
    });
    expect(config.log).toEqual({ level: 'info', share: 0.25, file: '/tmp/x' });
    expect(config.services).toEqual({ photos: 'http://127.0.0.1:3000/?a=b', music: 'x' });
  });

  it('knows --x and --no-x of booleans, short flags, repeated lists, switches and the rest', () => {
    const args = [
      '--accept-sha1-zones',
      'up',
      '--publish',
      'a=1',
      '--publish',
      'b=2',
      '--json',
      '--',
      '--x',
      'y',
    ];
    const loaded = loadConfig(schema, { env: {}, args, switches: ['json', 'help'] });
    expect(loaded.config.dnsServer.acceptSha1Zones).toBe(true);
    expect(loaded.config.services).toEqual({ a: '1', b: '2' });
    expect([...loaded.switches]).toEqual(['json']);
    expect(loaded.rest).toEqual(['up', '--x', 'y']);
    const off = loadConfig(schema, { env: {}, args: ['--accept-sha1-zones', '--no-accept-sha1-zones'] });
    expect(off.config.dnsServer.acceptSha1Zones).toBe(false);
    const last = loadConfig(schema, { env: {}, args: ['--state', 'a', '--state=b'] });
    expect(last.config.state).toBe('b');
  });

  it('gives a configuration that is frozen at every depth and shares nothing with the schema', () => {
    const { config } = loadConfig(schema, { env: {}, args: [] });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.dnsServer.nameServers)).toBe(true);
    expect(Object.isFrozen(schema.properties.dnsServer.properties.nameServers)).toBe(false);
  });
});

describe('what is wrong', () => {
  it('is told all at once, each with key, value, source and what is allowed', () => {
    const file = tomlFile('[dns-server]\nport = "http"\nprot = 1\n[log]\nlevel = "loud"\n');
    const faults = faultsOf({
      file,
      env: { PORCHLIGHT_LOG_SHARE: '2', PORCHLIGHT_STAT: 'x' },
      args: ['--log.levle', 'info', '--dns-server.port=-1', '--state'],
    });
    expect(faults.map(({ message }) => message)).toEqual([
      `there is no key dns-server.prot (${file}:3); did you mean dns-server.port?`,
      'there is no variable PORCHLIGHT_STAT; did you mean PORCHLIGHT_STATE?',
      'there is no flag --log.levle; did you mean --log.level?',
      '--state needs a value',
      `dns-server.port must be an integer from 0 to 65535, not "http" (${file}:2)`,
      `log.level must be debug, info or warn, not "loud" (${file}:5)`,
      'log.share must be a number from 0 to 1, not 2 (PORCHLIGHT_LOG_SHARE)',
      'dns-server.port must be an integer from 0 to 65535, not -1 (--dns-server.port)',
    ]);
    expect(faults).toContainEqual(
      expect.objectContaining({ key: 'log.level', value: 'loud', source: `${file}:5` }),
    );
  });

  it('is also told of values that another source overrides', () => {
    const env = { PORCHLIGHT_DNS_SERVER_PORT: 'x' };
    expect(faultsOf({ env, args: ['--dns-server.port', '1'] })).toHaveLength(1);
  });

  it.each([
    ...['0x10', '1e3', ' 1', '', '1.5', '65536'].map((text) => [`--dns-server.port=${text}`]),
    ['--log.share=NaN'],
    ['--log.share=Infinity'],
    ['--accept-sha1-zones=maybe'],
    ['--accept-sha1-zones='],
    ['--dns-server.ports=1,x'],
    ['--dns-server.ports=0'],
    ['--services=a'],
    ['--services==b'],
    ['--services=A=b'],
    ['--services=a='],
    ['--state='],
    ['--no-state'],
    ['-s'],
  ])('refuses %s', (arg) => {
    expect(faultsOf({ args: [arg] })).toHaveLength(1);
  });

  it.each([
    ['a section as a value', 'log = 3', 'log is a section, not a value'],
    ['a value as a section', '[state]\nx = 1', 'state must be text that is not empty, not {"x":1}'],
    ['camel case', '[dnsServer]\nport = 1', 'there is no key dnsServer'],
    ['text for a number', 'dns-server.port = "1"', 'dns-server.port must be an integer'],
    ['a map name its pattern refuses', '[services]\nPhotos = "x"', 'services must be names'],
    ['a date', 'state = 2030-01-01', 'state must be text'],
  ])('refuses %s in the file', (_, text, message) => {
    expect(faultsOf({ file: tomlFile(text) })[0]?.message).toContain(message);
  });

  it('names the line of broken TOML', () => {
    const file = tomlFile('state = "x"\nport = \n');
    expect(faultsOf({ file })[0]).toMatchObject({ source: `${file}:2` });
    expect(faultsOf({ file })[0]?.message).toContain('invalid value');
  });
});

describe('properties', () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  const words = fc.array(fc.stringMatching(/^[^\s,=][^,=]{0,10}[^\s,=]$/), { maxLength: 5 });

  it('gives the same configuration from every source', () => {
    fc.assert(
      fc.property(port, fc.boolean(), words, (number, flag, list) => {
        const fromFile = dnsServerTable(number, flag, list);
        const env = {
          PORCHLIGHT_DNS_SERVER_PORT: String(number),
          PORCHLIGHT_DNS_SERVER_ACCEPT_SHA1_ZONES: String(flag),
          PORCHLIGHT_DNS_SERVER_NAME_SERVERS: list.join(','),
        };
        const args = [
          `--dns-server.port=${number}`,
          flag ? '--accept-sha1-zones' : '--no-accept-sha1-zones',
          `--dns-server.name-servers=${list.join(',')}`,
        ];
        const configs = [
          loadConfig(schema, { file: fromFile, env: {}, args: [] }),
          loadConfig(schema, { env, args: [] }),
          loadConfig(schema, { env: {}, args }),
        ].map(({ config }) => config.dnsServer);
        for (const config of configs)
          expect(config).toEqual({ port: number, acceptSha1Zones: flag, nameServers: list, ports: [] });
      }),
      { numRuns: 50 },
    );
  });

  it('either gives a configuration that the schema allows or names what is wrong, for any arguments', () => {
    const arg = fc.oneof(
      fc.string(),
      fc.constantFrom('--dns-server.port', '--accept-sha1-zones', '--state', '--publish', '--', '--json'),
      fc.string().map((text) => `--${text}`),
      fc.string().map((text) => `--log.share=${text}`),
    );
    fc.assert(
      fc.property(fc.array(arg, { maxLength: 8 }), (args) => {
        const problem = problemWith({ args: args.filter((text) => !text.startsWith('--config')) });
        expect(problem ?? new Problem('bad-config', 'x')).toMatchObject({ code: 'bad-config' });
      }),
    );
  });
});

describe('schemas that break the rules', () => {
  it.each([
    ['no default', Type.Object({ a: Type.String({ description: 'x' }) }), 'the setting a has no default'],
    ['no description', Type.Object({ a: Type.String({ default: '' }) }), 'has no description'],
    [
      'a secret as a value',
      Type.Object({ apiToken: Type.String({ default: '', description: 'x' }) }),
      'make it api-token-file',
    ],
    [
      'a type without a text',
      Type.Object({ a: Type.Null({ default: null, description: 'x' }) }),
      'of a type',
    ],
    [
      'one name for two',
      Type.Object({
        aB: Type.String({ default: '', description: 'x' }),
        a: Type.Object({ b: Type.String({ default: '', description: 'x' }) }),
      }),
      'two settings are called PORCHLIGHT_A_B',
    ],
    [
      'the name of the file',
      Type.Object({ config: Type.String({ default: '', description: 'x' }) }),
      'CONFIG',
    ],
  ])('are refused: %s', (_, broken, message) => {
    expect(() => configTable(broken)).toThrow(message);
  });

  it('may name a file with a secret', () => {
    const fine = Type.Object({ apiTokenFile: Type.String({ default: '', description: 'x' }) });
    expect(configTable(fine)).toContain('`api-token-file`');
  });
});

describe('documentation', () => {
  it('has one row in the table for each key, with everything a person needs', () => {
    const table = configTable(schema);
    expect(table.split('\n').filter((line) => line.startsWith('|'))).toHaveLength(2 + 9);
    expect(table).toContain(
      '| `dns-server.accept-sha1-zones` | `PORCHLIGHT_DNS_SERVER_ACCEPT_SHA1_ZONES` ' +
        '| `--accept-sha1-zones`, `--dns-server.accept-sha1-zones` | true or false | `false` | Zones of 2016. |',
    );
    expect(table).toContain('a list of an integer of at least 1');
    expect(table).toContain('Published services \\| by name.');
  });

  it('has each flag in the help', () => {
    const help = helpOf(schema);
    expect(help).toContain('--accept-sha1-zones, --no-accept-sha1-zones\n');
    expect(help).toContain(
      '--log.level debug|info|warn\n      What to log. (default "info") [PORCHLIGHT_LOG_LEVEL]',
    );
    expect(help).toContain('--log.file TEXT\n      Log to a file. (not set)');
    expect(help).toContain('--publish NAME=VALUE,…');
  });
});
