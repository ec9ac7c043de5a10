import { createServer } from 'node:net';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { usualPorts } from '../../src/cli/home/ports.ts';
import { temporaryFolder } from '../support/folder.ts';
import { BareMachine, noBareMachine, nodes } from './bare-machine.ts';

/** README: “on a Debian 12 machine with git, Node and npm”. Here is one, with nothing else. */
const reason = noBareMachine();
if (reason !== undefined) process.stderr.write(`SKIPPED: the two commands on a bare machine: ${reason}\n`);

/** A home may run on this machine; then the bare one, which shares its network, takes other ports. */
async function portsOfAHome(): Promise<string> {
  for (const port of Object.values(usualPorts)) {
    const server = createServer();
    const listening = once(server.listen({ port, host: '127.0.0.1' }), 'listening').catch(() => undefined);
    const taken = (await listening) === undefined;
    if (taken) return ' --ports free';
    await once(server.close(), 'close');
  }
  return '';
}

describe.skipIf(reason !== undefined)(
  `a bare machine${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 1_200_000 },
  () => {
    const machine = new BareMachine(temporaryFolder());
    beforeAll(() => machine.make(), 600_000);

    it('refuses a Node that is too old in words, before anything is installed', () => {
      for (const command of ['npm start -- --once --json', 'npm test -- test/protocol']) {
        const { status, err } = machine.run(command, nodes.tooOld);
        expect(err).toContain(`This is Node ${nodes.tooOld}`);
        expect(err).toContain('Nothing was installed.');
        expect(status).not.toBe(0);
      }
      expect(machine.has('node_modules')).toBe(false);
    });

    it('runs `npm start -- --once --json` as it stands', async () => {
      const { status, out, err } = machine.run(`npm start --silent -- --once --json${await portsOfAHome()}`);
      expect(`${status} ${status === 0 ? '' : `${out}${err}`.slice(-3000)}`).toBe('0 ');
      expect(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
        steps: { tunnel: expect.any(Number) as number },
      });
      expect(machine.has('node_modules/.installed')).toBe(true);
    });

    it('finds the home that runs, with no setting named', async () => {
      const start = `npm start --silent -- --json${await portsOfAHome()} > /tmp/home & pid=$!; `;
      const wait = "for n in $(seq 100); do grep -q '^{' /tmp/home && break; sleep 1; done; ";
      const ask =
        'npx porchlight status --json; npx porchlight sessions --json; npx porchlight find; kill $pid; wait $pid';
      const { out, err } = machine.run(`{ ${start}${wait}${ask}; }`);
      const [status, sessions, ...found] = out.trimEnd().split('\n');
      expect(`${status ?? ''}${err}`).toContain('"name":"Home on one machine"');
      expect(JSON.parse(sessions ?? '')).toMatchObject({ sessions: expect.any(Array) as unknown[] });
      expect(found.join('\n')).toMatch(/Home on one machine \(\w{8}\)\n.*\n\s+127\.0\.0\.1\n/);
    });

    it('runs `npm test` with every static check, and one folder', () => {
      const { status, out, err } = machine.run('npm test --silent -- test/protocol');
      expect(`${status} ${status === 0 ? '' : `${out}${err}`.slice(-6000)}`).toBe('0 ');
      for (const check of ['types', 'types of the pages', 'lint', 'format', 'dead code', 'tests'])
        expect(out).toContain(`✓ ${check} (`);
      expect(out.trimEnd().split('\n').at(-1)).toMatch(/^\d+ passed, 0 failed$/);
    });
  },
);
