import { execFileSync, spawn } from '../../support/programs.ts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Child, type ChildOptions, maxLineLength } from '../../../src/kit/runtime/child.ts';

const children: Child[] = [];
afterEach(() => Promise.all(children.splice(0).map((child) => child.stop())));

/** A child that runs a shell script, and the lines it has printed so far. */
function shell(script: string, options: Partial<ChildOptions> = {}): { child: Child; lines: string[] } {
  const lines: string[] = [];
  const child = new Child({
    command: 'sh',
    args: ['-c', script],
    onLine: (line) => lines.push(line),
    ...options,
  });
  children.push(child);
  return { child, lines };
}

const alive = (pid: number): boolean => {
  // A zombie that nobody waits for any more is gone, too.
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !readFileSync(path, 'utf8').includes(') Z ');
};

describe('lines', () => {
  it('come from stdout and stderr, whole, in UTF-8, also the last one without an end', async () => {
    const { child, lines } = shell(
      String.raw`printf 'a\r\n\nb\303'; sleep 0.05; printf '\251\n' ; echo c >&2; printf d`,
    );
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(lines.filter((line) => line !== 'c')).toEqual(['a', '', 'bé', 'd']);
    expect(lines).toContain('c');
  });

  it('are cut, so that one that never ends fills no memory', async () => {
    const { child, lines } = shell('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo next');
    await child.exited;
    expect(lines.map((line) => line.length)).toEqual([maxLineLength, 4]);
  });
});

describe('ending', () => {
  it('is ours to say: Ctrl-C at a terminal, which goes to our process group, does not reach it', async () => {
    const { lines } = shell('ps -o pgid= -p $$');
    await expect.poll(() => lines).toHaveLength(1);
    const ours = execFileSync('ps', ['-o', 'pgid=', '-p', String(process.pid)])
      .toString()
      .trim();
    expect(lines[0]?.trim()).not.toBe(ours);
  });

  it('tells the exit code or the signal', async () => {
    expect(await shell('exit 3').child.exited).toEqual({ code: 3, signal: null });
    const { child, lines } = shell('echo up; exec sleep 100');
    await expect.poll(() => lines).toEqual(['up']);
    child.kill('SIGUSR1');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGUSR1' });
  });

  it.each([
    ['is not installed', { command: 'porchlight-has-no-such-program' }],
    ['may not be executed', { command: '/etc/passwd' }],
  ])('tells of a program that %s', async (what, options) => {
    const exit = await shell('', { ...options, args: [] }).child.exited;
    expect(exit.error?.message).toBe(`${options.command} ${what}`);
  });

  it('asks, and insists after the grace period', async () => {
    const kind = shell('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.01; done');
    await expect.poll(() => kind.lines).toEqual(['up']);
    expect(await kind.child.stop()).toEqual({ code: 0, signal: null });
    expect(kind.lines).toEqual(['up', 'bye']);

    const stubborn = shell('trap "" TERM; echo up; while :; do sleep 0.01; done', { graceMs: 50 });
    await expect.poll(() => stubborn.lines).toEqual(['up']);
    expect(await stubborn.child.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await stubborn.child.stop()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('does not wait for a grandchild that keeps the pipes open', async () => {
    const { child, lines } = shell('sleep 30 & echo $!; exit 0');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    process.kill(Number(lines[0]), 'SIGKILL');
  });
});

describe('the process', () => {
  it("has the program's own process id and the environment it is given", async () => {
    const { child, lines } = shell('echo $$ $X', { env: { PATH: process.env['PATH'], X: 'given' } });
    const { pid } = child;
    await child.exited;
    expect(lines).toEqual([`${pid} given`]);
  });

  it('ends when its parent is killed', async () => {
    const module = join(import.meta.dirname, '../../../src/kit/runtime/child.ts');
    const script = `
      import { Child } from ${JSON.stringify(module)};
      const child = new Child({ command: 'sh', args: ['-c', 'echo $$; exec sleep 100'], onLine: (line) => console.log(line) });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString()))),
    );
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => alive(pid)).toBe(false);
  });
});

describe.skipIf(process.getuid?.() !== 0)('rights', () => {
  it('to low ports, which a unit gives, stay with us', () => {
    const program = `
      import { Child } from ${JSON.stringify(join(import.meta.dirname, '../../../src/kit/runtime/child.ts'))};
      await new Child({ command: 'grep', args: ['CapEff', '/proc/self/status'], onLine: console.log }).exited;`;
    const given = ['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service'];
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const node = [process.execPath, '--input-type=module', '-e', program];
    expect(execFileSync('setpriv', [...nobody, ...given, ...node], { encoding: 'utf8' })).toBe(
      'CapEff:\t0000000000000000\n',
    );
  });
});
