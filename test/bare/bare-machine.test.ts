import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { usualPorts } from '../../src/cli/home/ports.ts';
import { BareMachine, networkBroke, noBareMachine, nodes } from './bare-machine.ts';

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
    const machine = new BareMachine();
    let broken = false;
    beforeAll(() => {
      try {
        machine.make();
      } catch (error) {
        broken = networkBroke(String(error));
        if (!broken) throw error;
      }
    }, 600_000);

    /** What a line said that ended well; the test is skipped where the network broke on the way. */
    async function well(context: TestContext, line: string): Promise<string> {
      if (broken) context.skip('the network broke');
      const { status, out, err } = await machine.run(line);
      broken = status !== 0 && networkBroke(`${out}${err}`);
      if (broken) context.skip(`the network broke: ${err.slice(-500)}`);
      expect(`${status} ${status === 0 ? '' : `${out}${err}`.slice(-6000)}`).toBe('0 ');
      return out;
    }

    afterAll(async () => {
      // Of what was downloaded before, nothing stays that Debian has replaced.
      if (!broken) await machine.run('apt-get -q autoclean');
      await machine.remove();
    }, 600_000);

    it('refuses a Node that is too old in words, before anything is installed', async (context) => {
      if (broken) context.skip('the network broke');
      for (const command of ['npm start -- --once --json', 'npm test -- test/protocol']) {
        const { status, err } = await machine.run(command, nodes.tooOld);
        expect(err).toContain(`This is Node ${nodes.tooOld}`);
        expect(err).toContain('Nothing was installed.');
        expect(status).not.toBe(0);
      }
      expect(machine.has('node_modules')).toBe(false);
    });

    it('runs `npm start -- --once --json` as it stands', async (context) => {
      const out = await well(context, `npm start --silent -- --once --json${await portsOfAHome()}`);
      expect(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
        steps: { tunnel: expect.any(Number) as number },
      });
      expect(machine.has('node_modules/.installed')).toBe(true);
    });

    it('finds the home that runs, with no setting named', async (context) => {
      if (broken) context.skip('the network broke');
      const start = `npm start --silent -- --json${await portsOfAHome()} > /tmp/home & pid=$!; `;
      const wait = "for n in $(seq 100); do grep -q '^{' /tmp/home && break; sleep 1; done; ";
      const ask =
        'npx porchlight status --json; npx porchlight sessions --json; npx porchlight find; kill $pid; wait $pid';
      const { out, err } = await machine.run(`{ ${start}${wait}${ask}; }`);
      const [status, sessions, ...found] = out.trimEnd().split('\n');
      expect(`${status ?? ''}${err}`).toContain('"name":"Home on one machine"');
      expect(JSON.parse(sessions ?? '')).toMatchObject({ sessions: expect.any(Array) as unknown[] });
      expect(found.join('\n')).toMatch(/Home on one machine \(\w{8}\)\n.*\n\s+127\.0\.0\.1\n/);
    });

    it('runs `npm test` with every static check, and one folder', async (context) => {
      const out = await well(context, 'npm test --silent -- test/protocol');
      for (const check of ['types', 'types of the pages', 'lint', 'format', 'dead code', 'tests'])
        expect(out).toContain(`✓ ${check} (`);
      expect(out.trimEnd().split('\n').at(-1)).toMatch(/^\d+ passed, 0 failed$/);
    });
  },
);
