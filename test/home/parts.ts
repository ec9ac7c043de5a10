import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HomeNetwork as Network, PublishedZone } from '../../src/box/facts.ts';
import type { Namespace } from '../support/netns.ts';
import { type HomeNetwork, places } from './home-network.ts';
import { jsonLine, SpeakingChild } from './speaking-child.ts';

/** What runs in a home of namespaces, each as a process of its own: sockets belong to the namespace of their process. */

export interface CloudArguments {
  zoneRoot: string;
  address: string;
  stateFolder: string;
}

export interface BoxArguments {
  zoneRoot: string;
  api: { origin: string; ca: string };
  stateFolder: string;
  resolvers: readonly string[];
}

export interface ProbeArguments {
  server: string;
  name: string;
}

function run(
  namespace: Namespace,
  script: string,
  argument: CloudArguments | BoxArguments | ProbeArguments,
): SpeakingChild {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return new SpeakingChild(namespace.spawn(process.execPath, [path, JSON.stringify(argument)]));
}

export async function startCloud(home: HomeNetwork, zoneRoot: string): Promise<BoxArguments['api']> {
  const stateFolder = join(home.folder, 'cloud');
  mkdirSync(stateFolder, { recursive: true });
  const child = run(home.cloud, 'cloud.child.ts', { zoneRoot, address: places.cloud, stateFolder });
  return child.until((line) => jsonLine(line) as BoxArguments['api'] | undefined);
}

export interface RunningBox {
  process: SpeakingChild;
  /** The first zone published from now on (or so far) for which `accept` holds. */
  zone: (accept: (zone: PublishedZone) => boolean) => Promise<PublishedZone>;
  network: (accept: (network: Network) => boolean) => Promise<Network>;
}

export function startBox(home: HomeNetwork, options: Pick<BoxArguments, 'zoneRoot' | 'api'>): RunningBox {
  const stateFolder = join(home.folder, 'box');
  mkdirSync(stateFolder, { recursive: true });
  const child = run(home.box, 'box.child.ts', { ...options, stateFolder, resolvers: [places.router] });
  const fact = <T>(name: string, accept: (value: T) => boolean): Promise<T> =>
    child.until((line) => {
      const value = jsonLine(line)?.[name] as T | undefined;
      return value !== undefined && accept(value) ? value : undefined;
    });
  return {
    process: child,
    zone: (accept) => fact('zone', accept),
    network: (accept) => fact('network', accept),
  };
}

export interface Probe {
  process: SpeakingChild;
  /** When (ms since the epoch) the authoritative server first answered with exactly these, from line `from` on. */
  answered: (addresses: readonly string[], from?: number) => Promise<number>;
}

/** Watches the authoritative server's A records of `name` from the laptop. */
export function startProbe(home: HomeNetwork, name: string): Probe {
  const child = run(home.laptop, 'probe.child.ts', { server: places.cloud, name });
  return {
    process: child,
    answered: (addresses, from) =>
      child.until((line) => {
        const said = jsonLine(line) as { at: number; addresses: string[] } | undefined;
        return said?.addresses.join() === addresses.join() ? said.at : undefined;
      }, from),
  };
}

/** The A records that `server` gives for `name`, asked from inside `namespace`. */
export function lookUp(namespace: Namespace, server: string, name: string): string[] {
  const script = `
    const resolver = new (require('node:dns').promises.Resolver)();
    resolver.setServers([${JSON.stringify(server)}]);
    resolver.resolve4(${JSON.stringify(name)}).catch(() => []).then((found) => console.log(JSON.stringify(found)));`;
  return JSON.parse(namespace.exec(process.execPath, ['-e', script])) as string[];
}
