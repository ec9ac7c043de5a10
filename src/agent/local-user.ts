import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { codeOf } from '../kit/runtime/errors.ts';
import { readIfThere } from '../kit/store/files.ts';

/** TCP sockets of this machine, each with the user it belongs to (proc(5)). */
const folder = '/proc/net';

/**
 * Whether the program at the other end of a loopback connection runs as the same user as we: on a computer of several
 * people, 127.0.0.1 is everybody's. Where the system does not tell (it does on Linux), `true`.
 */
export async function isSameUser(
  socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localPort'>,
  uid: number | undefined,
  tables = folder,
): Promise<boolean> {
  const { remoteAddress, remotePort, localPort } = socket;
  if (uid === undefined) return true;
  // All of 127/8 is this machine: from 127.0.0.2 anybody may use the very port that another one has at 127.0.0.1.
  if (remoteAddress !== '127.0.0.1' || remotePort === undefined || localPort === undefined) return false;
  try {
    const rows = await readFile(`${tables}/tcp`, 'utf8');
    return userOf(`${rows}\n${await mappedIn(tables)}`, remotePort, localPort) === uid;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** Those that speak IPv4 through a socket of IPv6; a system without IPv6 has no such table, and has told all the same. */
async function mappedIn(tables: string): Promise<string> {
  return (await readIfThere(`${tables}/tcp6`)) ?? '';
}

const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/** Owner of the socket that is bound to `port` and connected to `peerPort`, both on loopback. */
export function userOf(table: string, port: number, peerPort: number): number | undefined {
  const pattern = new RegExp(
    `^ *\\d+: (?:${loopback}):${hex(port)} (?:${loopback}):${hex(peerPort)} 01 \\S+ \\S+ \\S+ +(\\d+)`,
    'm',
  );
  const uid = pattern.exec(table)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** 127.0.0.1 in the order of bytes of either kind of machine, and the same as an IPv6 socket has it. */
const loopback = '0100007F|7F000001|0000000000000000FFFF00000100007F|00000000000000000000FFFF7F000001';
