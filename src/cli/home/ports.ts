import { createServer } from 'node:net';
import { Problem } from '../../kit/errors.ts';

/** One port of each listener of a home on one machine. */
export interface HomePorts {
  web: number;
  redirect: number;
  boxSystem: number;
  dns: number;
  zoneApi: number;
  registration: number;
  frontend: number;
  cloudSystem: number;
  acme: number;
  acmeManagement: number;
  hello: number;
}

/** Above 1023, so that no root is needed. */
export const usualPorts: HomePorts = {
  web: 8443,
  redirect: 8480,
  boxSystem: 4480,
  dns: 5354,
  zoneApi: 5300,
  registration: 4443,
  frontend: 7443,
  cloudSystem: 4481,
  acme: 14_000,
  acmeManagement: 15_000,
  hello: 8081,
};

/** Below the range from which the kernel takes ports for outgoing connections (ip_local_port_range): nobody drops in. */
const free = { from: 10_000, to: 32_000 };

/** Ports that are free now, drawn at random, so that several homes can run side by side. */
export async function freePorts(): Promise<HomePorts> {
  const drawn = { ...usualPorts };
  const taken = new Set<number>();
  for (const name of Object.keys(usualPorts) as (keyof HomePorts)[]) {
    let port = draw();
    for (let tries = 1; taken.has(port) || !(await isFree(port)); tries++) {
      if (tries > 200) throw new Problem('no-free-port', `no free port between ${free.from} and ${free.to}`);
      port = draw();
    }
    taken.add(port);
    drawn[name] = port;
  }
  return drawn;
}

function draw(): number {
  return free.from + Math.floor(Math.random() * (free.to - free.from));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)));
  });
}
