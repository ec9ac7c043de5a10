import { networkInterfaces } from 'node:os';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { listenLocally, localServer } from '../../src/agent/listener.ts';
import { agentFolder } from '../../src/agent/places.ts';
import { PortFile } from '../../src/agent/port-file.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { agentPorts } from '../../src/protocol/agent-api.ts';
import { temporaryFolder } from '../support/folder.ts';
import { statusLine } from '../support/status-line.ts';
import { openComputer } from './computer.ts';

function opened(server: Server = localServer()): Server {
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return server;
}

it('takes the first port that pages know and that is free, and another one when none is', async () => {
  const first = await listenLocally(opened(), 0);
  expect(first).toBeGreaterThanOrEqual(agentPorts.first);
  expect(first).toBeLessThanOrEqual(agentPorts.last);
  expect(await listenLocally(opened(), 0)).not.toBe(first);
  const taken = await listenLocally(opened(), 0, { first: 0, last: 0 });
  expect(await listenLocally(opened(), 0, { first: taken, last: taken })).not.toBe(taken);
  expect(await listenLocally(opened(), first).catch(codeOf)).toBe('port-in-use');
});

it('is heard on loopback and nowhere else', async () => {
  const port = await listenLocally(opened(), 0);
  const reaches = (host: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
  const others = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  expect(await reaches('127.0.0.1')).toBe(true);
  for (const { address } of others) expect(await reaches(address)).toBe(false);
});

it('takes HTTP as strictly as the box does (RFC 9112)', async () => {
  const { agent } = await openComputer({ folder: temporaryFolder() });
  onTestFinished(() => agent.stop());
  const answered = (...lines: string[]): Promise<string> =>
    statusLine(agent.port, 'GET /alive HTTP/1.1', ...lines);
  const host = `Host: localhost:${agent.port}`;
  expect(await answered(host)).not.toContain('400');
  expect(await answered(host, 'Host: evil.example')).toContain('400');
  expect(await answered('Host: a b')).toContain('400');
  expect(await answered(host, 'Transfer-Encoding: gzip, chunked')).toContain('501');
});

it('says its port in a file while it runs, and there is one agent for a folder', async () => {
  const base = temporaryFolder();
  const { agent } = await openComputer({ folder: base });
  expect(JSON.parse(readFileSync(`${base}/port.json`, 'utf8'))).toEqual({ port: agent.port });
  expect(await openComputer({ folder: base }).catch(codeOf)).toBe('state-in-use');
  await agent.stop();
  expect(existsSync(`${base}/port.json`)).toBe(false);
  expect(await new PortFile(base).read()).toBeUndefined();
});

const at = (name: NodeJS.Platform, env: Record<string, string>): string => agentFolder({ name, env });

it('keeps its things where the platform has them', () => {
  expect(at('linux', { HOME: '/home/ada' })).toBe('/home/ada/.config/Porchlight');
  expect(at('linux', { HOME: '/home/ada', XDG_CONFIG_HOME: '/x' })).toBe('/x/Porchlight');
  expect(at('linux', { HOME: '/home/ada', XDG_CONFIG_HOME: 'x' })).toBe('/home/ada/.config/Porchlight');
  expect(at('darwin', { HOME: '/Users/ada' })).toBe('/Users/ada/Library/Application Support/Porchlight');
  expect(at('win32', { APPDATA: 'C:\\Users\\ada\\AppData\\Roaming' })).toBe(
    'C:\\Users\\ada\\AppData\\Roaming\\Porchlight',
  );
  expect(() => at('linux', {})).toThrow('--folder');
});
