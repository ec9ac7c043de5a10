import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { command, exitCode, logFor } from '../../../src/kit/config/command.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';

const config = Type.Object({
  state: Type.String({ minLength: 1, default: '/x', description: 'Where the state lies.' }),
});

/** Runs a command with arguments: its exit code, and what it wrote. */
async function ran(
  args: readonly string[],
  options: { operands?: string; env?: Record<string, string>; fails?: Error } = {},
): Promise<{ code: number; out: string; err: string; given: unknown }> {
  const { operands, env = {}, fails } = options;
  const written = { out: '', err: '' };
  let given: unknown;
  const tested = command({
    name: 'tested',
    summary: 'tests commands',
    config,
    switches: { json: 'as JSON' },
    ...(operands === undefined ? {} : { operands }),
    action: (what) => {
      given = [what.config.state, what.operands, [...what.switches]];
      return fails === undefined ? Promise.resolve(exitCode.ok) : Promise.reject(fails);
    },
  });
  const out = (text: string): void => void (written.out += text);
  const err = (text: string): void => void (written.err += text);
  const code = await tested.run(args, { env, out, err, terminal: false });
  return { code, given, ...written };
}

describe('a command', () => {
  it('hands settings, switches and operands to its action', async () => {
    const { code, given } = await ran(['--json', 'a', 'b'], {
      operands: 'NAME…',
      env: { PORCHLIGHT_STATE: '/y' },
    });
    expect(code).toBe(exitCode.ok);
    expect(given).toEqual(['/y', ['a', 'b'], ['json']]);
  });

  it('explains itself, whatever else is wrong on the line', async () => {
    const { code, out, given } = await ran(['--nonsense', '--help']);
    expect(code).toBe(exitCode.ok);
    expect(given).toBeUndefined();
    for (const text of ['porchlight tested', 'tests commands', '--json', '--state TEXT', 'PORCHLIGHT_STATE'])
      expect(out).toContain(text);
  });

  it.each([
    ['a setting that is not known', ['--stat', 'x'], 'did you mean --state?'],
    ['a setting that is wrong', ['--state='], 'state must be text that is not empty'],
    ['an operand that it does not take', ['a'], 'takes no “a”'],
  ])('exits with the code of usage on %s', async (_, args, message) => {
    const { code, err, given } = await ran(args);
    expect(code).toBe(exitCode.usage);
    expect(err).toContain(message);
    expect(given).toBeUndefined();
  });

  it('says what failed in a sentence, with the stack only where nobody foresaw it', async () => {
    const foreseen = await ran([], { fails: new Problem('port-in-use', 'the port is in use') });
    expect(foreseen).toMatchObject({ code: exitCode.failed, err: 'porchlight tested: the port is in use\n' });
    const odd = await ran([], { fails: new TypeError('odd') });
    expect(odd.code).toBe(exitCode.failed);
    expect(odd.err).toContain('command.test.ts');
  });
});

/** What a warning looks like. */
function warned(terminal: boolean, env: Record<string, string>): string {
  let text = '';
  const out = (more: string): void => void (text += more);
  logFor({ level: 'info', format: 'terminal' }, { env, out, err: out, terminal }).warn('look');
  return text;
}

describe('the log of a command', () => {
  it('has colours at a terminal, and nowhere else, nor where the person wants none', () => {
    expect(warned(true, {})).toContain('\u001B[33m');
    expect(warned(true, { NO_COLOR: '' })).toContain('\u001B[');
    expect(warned(true, { NO_COLOR: '1' })).toMatch(/^[\d:.]+ +look\n$/);
    expect(warned(false, {})).toMatch(/^[\d:.]+ +look\n$/);
  });
});
