import { freePort } from './free-port.ts';

/** One port of each listener of a home on one machine. */
export interface HomePorts {
  web: number;
  redirect: number;
  devices: number;
  certificateExchange: number;
  boxSystem: number;
  dns: number;
  zoneApi: number;
  registration: number;
  mailbox: number;
  relay: number;
  app: number;
  cloudSystem: number;
  acme: number;
  acmeManagement: number;
  hello: number;
}

/** Above 1023, so that no root is needed. */
export const usualPorts: HomePorts = {
  web: 8443,
  redirect: 8480,
  devices: 9088,
  certificateExchange: 9089,
  boxSystem: 4480,
  dns: 5354,
  zoneApi: 5300,
  registration: 4443,
  mailbox: 4445,
  relay: 7443,
  app: 8444,
  cloudSystem: 4481,
  acme: 14_000,
  acmeManagement: 15_000,
  hello: 8081,
};

/** Ports that are free now, so that several homes can run side by side. */
export async function freePorts(): Promise<HomePorts> {
  const drawn = { ...usualPorts };
  const taken = new Set<number>();
  for (const name of Object.keys(usualPorts) as (keyof HomePorts)[]) {
    do drawn[name] = await freePort();
    while (taken.has(drawn[name]));
    taken.add(drawn[name]);
  }
  return drawn;
}
