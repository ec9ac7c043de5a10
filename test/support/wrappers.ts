/** A word of a command line; `undefined` where only the running program knows it. */
export type Word = string | undefined;

interface Wrapper {
  /** Options whose value is the next word. */
  valued?: readonly string[];
  /** Words between the options and the program: `flock FILE …`, `timeout 5 …`. */
  before?: number;
}

/** Programs that start the program that their arguments name. */
const wrappers: Readonly<Record<string, Wrapper>> = {
  setpriv: {
    valued: [
      '--pdeathsig',
      '--ambient-caps',
      '--inh-caps',
      '--bounding-set',
      '--reuid',
      '--regid',
      '--groups',
    ],
  },
  unshare: { valued: ['--propagation', '--setuid', '--setgid', '--root', '--wd', '-S', '-G', '-R', '-w'] },
  nsenter: { valued: ['--target', '-t'] },
  env: { valued: ['-C', '-u'] },
  timeout: { valued: ['-s', '-k'], before: 1 },
  nice: { valued: ['-n'] },
  flock: { valued: ['-w', '-E'], before: 1 },
  faketime: { valued: ['-p'], before: 1 },
  chroot: { before: 1 },
  xargs: { valued: ['-n', '-P', '-I'] },
  sudo: {},
  exec: {},
  busybox: {},
  script: {},
};

const shells = new Set(['sh', 'bash', 'dash']);

export interface Started {
  /** Every program that the line starts, the outermost first. */
  programs: readonly string[];
  /** What is given to a shell (`sh -c SCRIPT`). */
  scripts: readonly string[];
}

/** What a command line starts: the program, and through wrappers (`ip netns exec x sh -c …`) those behind it. */
export function startedBy([program, ...args]: readonly Word[]): Started {
  if (program === undefined) return { programs: [], scripts: [] };
  const name = program.replace(/^.*\//, '');
  const behind =
    name === 'ip' ? inNamespace(args) : name in wrappers ? afterOptions(args, wrappers[name]) : [];
  const { programs, scripts } = startedBy(behind);
  const found =
    name === 'find' ? startedBy(args.slice(args.indexOf('-exec') + 1 || args.length)).programs : [];
  const script = shells.has(name)
    ? args[args.findIndex((word) => /^-[a-z]*c$/.test(word ?? '')) + 1]
    : undefined;
  const given = script === undefined || script === args[0] ? [] : [script];
  return { programs: [program, ...programs, ...found], scripts: [...scripts, ...given] };
}

function inNamespace(args: readonly Word[]): readonly Word[] {
  const at = args.indexOf('exec');
  return args.includes('netns') && at !== -1 ? args.slice(at + 2) : [];
}

function afterOptions(args: readonly Word[], { valued = [], before = 0 }: Wrapper = {}): readonly Word[] {
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at];
    if (word === undefined) return [];
    if (word === '--') return args.slice(at + 1 + before);
    if (valued.includes(word)) at++;
    // `env NAME=value`, too.
    else if (!word.startsWith('-') && !/^[A-Za-z_]+=/.test(word)) break;
  }
  return args.slice(at + before);
}
