import { execFile } from '../support/programs.ts';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { boxCommand } from '../../src/box/main.ts';
import { cloudCommands } from '../../src/cloud/main.ts';
import { doctorCommand } from '../../src/cli/doctor/command.ts';
import { homeCommand } from '../../src/cli/home/command.ts';
import { idCommand } from '../../src/cli/id.ts';
import { statusCommand } from '../../src/cli/status.ts';
import { porchlight, run, tooLong } from './run.ts';

const folder = temporaryFolder();
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const commands = [boxCommand, statusCommand, doctorCommand, idCommand, ...cloudCommands, homeCommand];

describe('porchlight', { concurrent: true }, () => {
  it('knows the relay by the command it had before, and says what it is called now', async () => {
    const { code, out, err } = await porchlight(['frontend', '--frontend.port=x', '--system.port=0']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('warning: the command “frontend” is called “relay” now');
    expect(err).toContain('porchlight relay: relay.port must be an integer');
  });

  it('lists every command with --help', async () => {
    const { code, out, err } = await porchlight(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const { name } of commands) expect(out).toMatch(new RegExp(`^  ${name} +[A-Z]`, 'm'));
    expect(tooLong(out)).toEqual([]);
  });

  it('help COMMAND is the same', async () => {
    expect((await porchlight(['help', 'id'])).out).toContain('Usage: porchlight id');
  });

  it('says its version and that of the protocol', async () => {
    const { code, out } = await porchlight(['--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^porchlight \d+\.\d+\.\d+ \(protocol \d+\.\d+\)\n$/);
  });

  it.each([
    ['no command at all', [], /^Usage: porchlight COMMAND/],
    [
      'a misspelt command',
      ['statsu'],
      /^porchlight: there is no command “statsu”; did you mean “status”\?\n$/,
    ],
    [
      'a command like no other',
      ['make-coffee'],
      /there is no command “make-coffee”; see porchlight --help\n$/,
    ],
    ['a flag before the command', ['--json', 'status'], /^porchlight: name a command before --json; /],
    [
      'an unknown flag',
      ['id', '--stat', 'x'],
      /^porchlight id: there is no flag --stat; did you mean --state\?\n$/,
    ],
  ])('answers 2 and says why: %s', async (_, args, said) => {
    expect(await porchlight(args)).toEqual({ code: 2, out: '', err: expect.stringMatching(said) as string });
  });

  it('names file, line and key of everything that is wrong in a configuration, and of the environment', async () => {
    const file = join(folder, 'box.toml');
    writeFileSync(file, 'name = "Attic"\n[zone]\nrot = "box.test"\nmirrors = ["a"]\n');
    const { code, err } = await porchlight(['id', '--config', file], { PORCHLIGHT_SYSTEM_PROT: '1' });
    expect(code).toBe(2);
    expect(err).toContain('3 settings are wrong');
    expect(err).toContain(`${file}:3); did you mean zone.root?`);
    expect(err).toContain(`zone.mirrors must be a list from 2 to 8 items`);
    expect(err).toContain('did you mean PORCHLIGHT_SYSTEM_PORT?');
  });

  it('says who may ask for the id, to those who may not', async () => {
    const state = join(folder, 'of-somebody-else');
    mkdirSync(join(state, 'identity'), { recursive: true, mode: 0o700 });
    chmodSync(join(state, 'identity'), 0o000);
    const asNobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups'] : [];
    const [program, ...args] = [...asNobody, process.execPath, main, 'id', '--state', state];
    const failed: unknown = await promisify(execFile)(program, args).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 1,
      stderr: `porchlight id: no right to read the identity in ${state}; try as root (sudo) or as the box’s own user\n`,
    });
    chmodSync(join(state, 'identity'), 0o700);
  });

  it('is content with a reader that has seen enough', async () => {
    const script = `set -o pipefail; (sleep 0.2; exec "$0" "$1" box --help) | true`;
    const { stderr } = await promisify(execFile)('bash', ['-c', script, process.execPath, main]);
    expect(stderr).toBe('');
  });

  it('answers 1 when its output cannot be written', async () => {
    const child = execFile('sh', ['-c', `exec "$0" "$1" --version >/dev/full`, process.execPath, main]);
    let err = '';
    child.stderr?.on('data', (text: string) => (err += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(1);
    expect(err).toMatch(/^porchlight: cannot write the output: ENOSPC/);
  });
});

describe('each command', () => {
  it.each(commands.map((command) => ({ name: command.name, command })))(
    '$name --help says what it does and its settings, whatever else is on the line',
    async ({ name, command }) => {
      const { code, out, err } = await run(command, ['--no-such-flag', '--help']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(`Usage: porchlight ${name} `);
      expect(out).toContain(command.summary.slice(0, 30));
      expect(out).toContain('[PORCHLIGHT_STATE]');
      expect(tooLong(out)).toEqual([]);
    },
  );

  it.each([
    [
      'a value that is not allowed',
      statusCommand,
      ['--system.port', 'many'],
      /system\.port must be an integer from 0/,
    ],
    ['a flag without its value', idCommand, ['--state'], /^porchlight id: --state needs a value\n$/],
    [
      'a word too many',
      idCommand,
      ['please'],
      /^porchlight id: it takes no “please”; see porchlight id --help\n$/,
    ],
    [
      'a file that is not there',
      idCommand,
      ['--config', '/nowhere/box.toml'],
      /cannot read \/nowhere\/box\.toml/,
    ],
    [
      'a CA that is not there',
      doctorCommand,
      ['--acme.ca-file', '/nowhere/ca'],
      /acme\.ca-file cannot be read/,
    ],
  ])('answers 2 and says why: %s', async (_, command, args, said) => {
    const { code, out, err } = await run(command, args);
    expect(err).toMatch(said);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toMatch(/\n +at /);
  });

  it('takes file < environment < flags', async () => {
    const file = join(folder, 'order.toml');
    writeFileSync(file, `state = "${join(folder, 'from-file')}"\n`);
    const state = async (args: string[], env: Record<string, string> = {}): Promise<string> =>
      (await run(idCommand, ['--config', file, ...args], env)).err;
    const env = { PORCHLIGHT_STATE: join(folder, 'from-environment') };
    expect(await state([])).toContain('from-file yet');
    expect(await state([], env)).toContain('from-environment yet');
    expect(await state(['--state', join(folder, 'from-flag')], env)).toContain('from-flag yet');
  });

  it('answers 1 when there is nothing to tell, in one sentence', async () => {
    expect(await run(idCommand, ['--state', folder])).toEqual({
      code: 1,
      out: '',
      err: `porchlight id: there is no identity in ${folder} yet; it is made when the box first starts\n`,
    });
  });

  it('status says that no box answers, or that what answers is none', async () => {
    const server = createServer((_, response) => response.end('{"hello":"there"}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const other = await run(statusCommand, ['--system.port', String(port)]);
    await new Promise((resolve) => server.close(resolve));
    const none = await run(statusCommand, ['--system.port', String(port)]);
    expect(other).toMatchObject({ code: 1, out: '' });
    expect(other.err).toContain(`what answers on 127.0.0.1:${port} is no box`);
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toMatch(/^porchlight status: no box answers on 127\.0\.0\.1:\d+; start it.*\n$/);
  });
});
