import { execFile, spawnSync } from '../../support/programs.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';

const tunnel = join(import.meta.dirname, '../../../src/box/tunnel');
const python = '/usr/bin/python3';
const asked = `import sys; sys.path.insert(0, ${JSON.stringify(tunnel)}); from landlock import confine; print(confine(['/usr']))`;
const { stdout } = spawnSync(python, ['-B', '-c', asked], { encoding: 'utf8' });
const reason = stdout === 'True\n' ? undefined : 'this kernel has no Landlock';
if (reason !== undefined) process.stderr.write(`SKIPPED: the cage of the PageKite client: ${reason}\n`);

/** In the place of the packaged program: says of each thing whether it could be done. */
const program = `
import os, sys, socket
here, there = os.path.dirname(sys.argv[1].partition('=')[2]), os.path.dirname(os.path.dirname(sys.argv[1].partition('=')[2]))
def attempt(name, action):
    try:
        action()
        print(name, 'yes')
    except OSError as error:
        print(name, error.strerror)
attempt('own options', lambda: open(here + '/pagekite.conf').read())
attempt('key of the box', lambda: open(there + '/identity.key').read())
attempt('list of its state', lambda: os.listdir(there))
attempt('names', lambda: open('/etc/resolv.conf').read())
attempt('write own options', lambda: open(here + '/pagekite.conf', 'w'))
attempt('make a file', lambda: open(here + '/new', 'x'))
attempt('remove a file', lambda: os.remove(there + '/identity.key'))
attempt('run a program', lambda: os.spawnv(os.P_WAIT, '/bin/true', ['true']) == 0 or os.strerror(1))
attempt('signal the box', lambda: os.kill(os.getppid(), 0))
attempt('a socket', lambda: socket.create_server(('127.0.0.1', 0)).close())
`;

describe.skipIf(reason !== undefined)('the PageKite client', () => {
  it('reads nothing of the box but its own options, and writes nothing', async () => {
    const state = temporaryFolder();
    const folder = join(state, 'tunnel');
    mkdirSync(folder);
    writeFileSync(join(state, 'identity.key'), 'secret');
    writeFileSync(join(folder, 'pagekite.conf'), 'options');
    writeFileSync(join(folder, 'program.py'), program);
    const launcher = join(tunnel, 'pagekite-launcher.py');
    const args = ['-B', launcher, join(folder, 'program.py'), `--optfile=${join(folder, 'pagekite.conf')}`];
    const said = await promisify(execFile)(python, args);
    expect(said.stdout.trim().split('\n')).toEqual([
      'own options yes',
      'key of the box Permission denied',
      'list of its state Permission denied',
      'names yes',
      'write own options Permission denied',
      'make a file Permission denied',
      'remove a file Permission denied',
      'run a program yes',
      'signal the box Operation not permitted',
      'a socket yes',
    ]);
  });
});
