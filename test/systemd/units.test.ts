import { execFile } from '../support/programs.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { BoxConfig } from '../../src/box/config.ts';
import { boxCommand } from '../../src/box/main.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { cloudCommands } from '../../src/cloud/main.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { exitCode } from '../../src/kit/config/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { installedAt, seconds, services, type Unit, unitFolder, units } from './unit.ts';

const run = promisify(execFile);
const analyze = '/usr/bin/systemd-analyze';
const canAnalyze = existsSync(analyze);
if (!canAnalyze) {
  process.stderr.write(
    `SKIPPED: what systemd says of the units, because ${analyze} is missing (package systemd)\n`,
  );
}

const checkout = resolve(import.meta.dirname, '../..');

/** The units as they would be, were this checkout installed: what they start has to be there. */
function installed(): (unit: Unit) => string {
  const folder = temporaryFolder();
  for (const unit of units) {
    // The scripts beside the units are installed without a folder of their own.
    const own = unit.text.replaceAll(`${installedAt}/porchlight-`, `${unitFolder}/porchlight-`);
    writeFileSync(join(folder, unit.file), own.replaceAll(installedAt, checkout));
  }
  return (unit) => join(folder, unit.file);
}

/** The words of ExecStart= after `main.ts`: a command and its settings. */
function commandLine(unit: Unit): { name: string; args: readonly string[] } {
  const [node, main, name = '', ...args] = unit.get('ExecStart').split(' ');
  expect([node, main]).toEqual([`${installedAt}/node_modules/.bin/node`, `${installedAt}/src/cli/main.ts`]);
  return { name, args };
}

const isBox = (unit: Unit): boolean => unit.file === 'porchlight-box.service';
const settingsOf = (unit: Unit): { state: string; system: { port: number } } => {
  const { args } = commandLine(unit);
  return loadConfig(isBox(unit) ? BoxConfig : CloudConfig, { env: {}, args }).config;
};

describe.skipIf(!canAnalyze)('what systemd says of the units', () => {
  const pathOf = installed();

  it('has no complaint', async () => {
    const { stdout, stderr } = await run(analyze, ['verify', '--man=no', ...units.map(pathOf)]);
    expect(stdout + stderr).toBe('');
  });

  it.each(units)('$file has an exposure of 2.0 at most', async (unit) => {
    // Ends with an error above the threshold, which is in tenths.
    const { stdout } = await run(analyze, ['security', '--offline=yes', '--threshold=20', pathOf(unit)]);
    expect(stdout).toMatch(/Overall exposure level .*: [012]\.\d/);
  });
});

describe('each unit', () => {
  it('runs a command there is, one each', () => {
    const commands = [boxCommand, ...cloudCommands].map(({ name }) => name);
    expect(services.map((unit) => commandLine(unit).name).toSorted()).toEqual(commands.toSorted());
    for (const unit of services) expect(unit.file).toBe(`porchlight-${commandLine(unit).name}.service`);
  });

  it('gives settings there are, and its state folder is where the command looks for it', () => {
    for (const unit of services) {
      const folder = unit.get('StateDirectory');
      const place =
        folder === ''
          ? unit.get('InaccessiblePaths').replace('-', '')
          : `/var/lib/${folder} ${unit.get('StateDirectoryMode')}`;
      const { state } = settingsOf(unit);
      expect(place).toBe(folder === '' ? state : `${state} 0700`);
    }
  });

  it('has a health port of its own, so that all can run on one machine', () => {
    const ports = services.map((unit) => settingsOf(unit).system.port);
    expect(new Set(ports).size).toBe(services.length);
  });

  it('runs as a user whom porchlight.sysusers makes', () => {
    const users = [...readFileSync(join(unitFolder, 'porchlight.sysusers'), 'utf8').matchAll(/^u (\S+)/gm)];
    const names = users.map(([, name]) => name);
    for (const unit of services) expect(names).toContain(unit.get('User'));
  });

  it('may bind ports below 1024 only where it serves one', () => {
    const low = new Set(['box', 'cloud', 'dns-server', 'relay']);
    for (const unit of services) {
      const right = low.has(commandLine(unit).name) ? 'CAP_NET_BIND_SERVICE' : '';
      expect([unit.get('CapabilityBoundingSet'), unit.get('AmbientCapabilities')]).toEqual([right, right]);
    }
  });

  it('ends in failed, whatever goes wrong over and over', () => {
    const pause = seconds(
      /^RestartMaxDelaySec=(.*)$/m.exec(readFileSync(join(unitFolder, 'back-off.conf'), 'utf8'))?.[1] ?? '',
    );
    for (const unit of services) {
      const round = ['TimeoutStartSec', 'WatchdogSec', 'TimeoutStopSec'].map((name) =>
        seconds(unit.get(name)),
      );
      const slowest = round.reduce((sum, span) => sum + span, pause);
      expect(slowest * Number(unit.get('StartLimitBurst'))).toBeLessThan(
        seconds(unit.get('StartLimitIntervalSec')),
      );
      expect(unit.get('Restart')).toBe('on-failure');
      expect(unit.get('OnFailure')).toBe('porchlight-failed@%n.service');
      expect(Number(unit.get('RestartPreventExitStatus'))).toBe(exitCode.usage);
    }
  });

  it('has the same cage, but for what it says of itself', () => {
    const own =
      /^(?:#.*|(?:Description|Documentation|Wants|After|Conflicts|ExecStart|ExecStopPost|User|State\w+|Runtime\w+|RestartForceExitStatus|SuccessExitStatus|ReadWritePaths|InaccessiblePaths|CapabilityBoundingSet|AmbientCapabilities|PrivateUsers|RestrictAddressFamilies|SystemCallFilter=capset|SystemCallFilter=landlock_|Environment|MemoryMax|TasksMax|LimitNOFILE).*)\n/gm;
    const cages = new Set(services.map((unit) => unit.text.replaceAll(own, '')));
    expect([...cages]).toHaveLength(1);
  });

  it('of the whole cloud is stopped for a part of it, and the other way round', () => {
    const cloud = services.find((unit) => unit.file === 'porchlight-cloud.service');
    const parts = services.filter((unit) => unit !== cloud && !isBox(unit)).map((unit) => unit.file);
    expect(cloud?.get('Conflicts').split(' ').toSorted()).toEqual(parts.toSorted());
  });
});
