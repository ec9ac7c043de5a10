import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Home } from '../../../src/cli/home/home.ts';
import { freePorts, type HomePorts } from '../../../src/cli/home/ports.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();

/** Of the cloud, of the home itself, and of the box: each knows another setting, and a home has none of them. */
it.each<keyof HomePorts>(['app', 'hello', 'web'])(
  'a home whose port of %s is in use says what helps here',
  async (taken) => {
    const ports = await freePorts();
    const other = createServer().listen(ports[taken], '127.0.0.1');
    await once(other, 'listening');
    const home = new Home({ state: join(folder, taken), ports, onStep: () => undefined });
    try {
      await expect(home.start(AbortSignal.timeout(60_000))).rejects.toMatchObject({
        code: 'port-in-use',
        message: `127.0.0.1 port ${ports[taken]} is in use by another program; stop it or use --ports free`,
      });
    } finally {
      await home.stop();
      other.close();
    }
  },
);
