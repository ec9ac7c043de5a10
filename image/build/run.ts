import { spawn } from 'node:child_process';
import { everyDebian, forImage } from '../../src/cli/programs.mjs';

export interface RunOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Given to the program's stdin. */
  input?: string | Buffer;
}

/** Runs a program to its end and answers its stdout. Throws with what it said on stderr when it fails. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env, input }: RunOptions = {},
): Promise<Buffer> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
  });
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  // A program that does not read what it is given is judged by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error(`${program} cannot be run (${bringerOf(program)}): ${error.message}`)),
    );
    child.once('close', resolve);
  });
  if (code === 0) return Buffer.concat(out);
  const last = Buffer.concat([...out, ...said])
    .toString()
    .trimEnd()
    .split('\n')
    .slice(-60)
    .join('\n');
  throw new Error(`${program} ${args.slice(0, 6).join(' ')} … failed (${code}):\n${last}`);
}

function bringerOf(program: string): string {
  const debian = { ...everyDebian, ...forImage }[program];
  return debian === undefined
    ? 'no Debian package of ours brings it'
    : `is it installed? Debian’s package is ${debian}`;
}
