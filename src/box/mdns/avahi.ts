import { constants } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readIfThere, syncFolder, writeAtomic } from '../../kit/store/files.ts';
import { escaped } from '../../kit/http/markup.ts';
import { mdnsService } from '../../protocol/mdns.ts';
import { shortId } from '../../protocol/names.ts';
import { instanceName, type MdnsAdapter, type Published, type WantedService } from './wanted.ts';

export interface AvahiPlaces {
  /** Where avahi-daemon looks for services. */
  serviceFolder: string;
  /** Where it answers questions (its simple protocol, there also without D-Bus). */
  socket: string;
}

export const avahiPlaces: AvahiPlaces = {
  serviceFolder: '/etc/avahi/services',
  socket: '/run/avahi-daemon/socket',
};

/**
 * Announces by a file that avahi-daemon reads (avahi.service(5)) and leaves everything else to it: probing, conflicts,
 * interfaces, addresses, goodbyes. After a conflict of names it appends ` #2` to the instance; it tells nobody, so what is
 * reported here is the name asked for.
 */
export class AvahiAdapter implements MdnsAdapter {
  readonly kind = 'avahi';
  readonly #places: AvahiPlaces;
  /** Every file this process has written. */
  readonly #written = new Set<string>();

  constructor(places: AvahiPlaces) {
    this.#places = places;
  }

  async publish(wanted: WantedService): Promise<Published> {
    const path = join(this.#places.serviceFolder, `porchlight-${shortId(wanted.boxId)}.service`);
    const file = serviceFile(wanted);
    this.#written.add(path);
    // avahi-daemon runs as a user of its own and has to be able to read it.
    if ((await readIfThere(path)) !== file) await writeAtomic(path, file, 0o644);
    return { instance: instanceName(wanted.name), host: await this.#hostName(wanted) };
  }

  async withdraw(): Promise<void> {
    for (const path of this.#written) {
      await rm(path, { force: true });
      await syncFolder(this.#places.serviceFolder);
    }
    this.#written.clear();
  }

  /** The machine's name as avahi announces it, which after a conflict is not that of the kernel. */
  async #hostName(wanted: WantedService): Promise<string> {
    for (const { source } of wanted.links) {
      const name = / (\S+)$/.exec((await ask(this.#places.socket, `RESOLVE-ADDRESS ${source}`)) ?? '')?.[1];
      if (name?.endsWith('.local') === true) return name;
    }
    return `${hostname().split('.')[0]}.local`;
  }
}

/** What `auto` depends on: a daemon that answers (a socket file may be a dead one's), and the right to write. */
export async function lookForAvahi(
  places: AvahiPlaces,
): Promise<{ avahiRuns: boolean; folderWritable: boolean }> {
  const folderWritable = await access(places.serviceFolder, constants.W_OK).then(
    () => true,
    () => false,
  );
  return { folderWritable, avahiRuns: (await ask(places.socket, 'HELP')) !== undefined };
}

const patienceMs = 2000;

/** One question to avahi-daemon, answered with its first line of success, or `undefined`. */
function ask(path: string, question: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(patienceMs, () => socket.destroy());
    socket.on('connect', () => socket.write(`${question}\n`));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(undefined));
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end === -1 && text.length < 4096) return;
      resolve(text.startsWith('+') ? text.slice(0, end).trimEnd() : undefined);
      socket.destroy();
    });
  });
}

/** The service file, its texts escaped for XML. */
export function serviceFile(wanted: WantedService): string {
  const text = Object.entries(wanted.text)
    .map(([key, value]) => `    <txt-record>${escaped(`${key}=${value}`)}</txt-record>\n`)
    .join('');
  return `<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<!-- Written by Porchlight while it runs; changes are overwritten. -->
<service-group>
  <name replace-wildcards="no">${escaped(instanceName(wanted.name))}</name>
  <service>
    <type>${mdnsService.full}</type>
    <port>${wanted.port}</port>
${text}  </service>
</service-group>
`;
}
