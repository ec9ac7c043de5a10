import { Agent, fetch, WebSocket as UndiciSocket } from 'undici';
import { afterAll } from 'vitest';
import type { Runtime } from '../../src/client/runtime.ts';
import { appOrigin, Browser, type Lab, names, openLab } from '../box/lab/lab.ts';
import { FaultyPort } from './faulty-port.ts';

/** What the client sent to the box, in order. */
interface Sent {
  path: string;
  clientId: string | undefined;
  redirect: string | undefined;
}

/** A box with an owner, behind a door that leads to it, and the platform of an app's page that goes through this door. */
export interface PairingLab {
  lab: Lab;
  owner: Browser;
  port: FaultyPort;
  origin: string;
  sent: Sent[];
  runtime: Partial<Runtime>;
}

export async function claimedLab(): Promise<{ lab: Lab; owner: Browser }> {
  const lab = await openLab();
  const owner = new Browser(lab);
  await owner.firstRun();
  return { lab, owner };
}

export async function openPairingLab(): Promise<PairingLab> {
  const { lab, owner } = await claimedLab();
  const port = new FaultyPort(() => lab.port);
  await port.open();
  const dispatcher = new Agent({
    connect: {
      ca: lab.caPem,
      lookup: (_host, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    },
  });
  afterAll(async () => {
    await dispatcher.destroy();
    await port.close();
  });
  const sent: Sent[] = [];
  const runtime: Partial<Runtime> = {
    fetch: async (url, init) => {
      const body = typeof init.body === 'string' ? (JSON.parse(init.body) as { clientId?: string }) : {};
      const { pathname } = new URL(url);
      if (pathname !== '/ping')
        sent.push({ path: pathname, clientId: body.clientId, redirect: init.redirect });
      const headers = Object.fromEntries([...new Headers(init.headers), ['origin', appOrigin]]);
      return fetch(url, { ...init, headers, dispatcher } as Parameters<typeof fetch>[1]);
    },
    openSocket: (url, protocols) => {
      sent.push({ path: new URL(url).pathname, clientId: undefined, redirect: undefined });
      return new UndiciSocket(url, {
        dispatcher,
        protocols: [...(protocols ?? [])],
        headers: { origin: appOrigin },
      });
    },
  };
  return { lab, owner, port, origin: `https://${names.main}:${port.port}`, sent, runtime };
}
