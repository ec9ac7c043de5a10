import type { Server } from 'node:http';
import { privateFolder } from '../kit/store/files.ts';
import type { HttpApp } from '../kit/http/http-server.ts';
import { isSound, isSoundUpgrade } from '../kit/http/http-strict.ts';
import { lockFolder } from '../kit/store/lock.ts';
import type { Service } from '../kit/runtime/service.ts';
import { listenLocally, localServer } from './listener.ts';
import { PortFile } from './port-file.ts';
import { agentApp } from './routes.ts';
import { SignIn, type SignInOptions } from './sign-in.ts';
import { AgentSockets } from './sockets.ts';

export interface AgentOptions extends SignInOptions {
  /** For the port file; one agent for each. */
  folder: string;
  /** 0: the first free one of those that pages know. */
  port: number;
  /** Of this process; `undefined` where there are no user ids. */
  uid: number | undefined;
}

/** The companion on a person's computer: signs pages in the browser there in to the boxes that it is paired with. */
export class Agent implements Service {
  readonly name = 'agent';
  readonly #options: AgentOptions;
  readonly #portFile: PortFile;
  #ended = new AbortController();
  #lock: { release: () => void } | undefined;
  #app: HttpApp | undefined;
  #server: Server | undefined;
  #sockets: AgentSockets | undefined;
  #port = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#portFile = new PortFile(options.folder);
  }

  /** The one that it listens on. */
  get port(): number {
    return this.#port;
  }

  /** Throws `state-in-use` when there is an agent already. */
  async start(): Promise<void> {
    const { folder, port, uid, log, clock } = this.#options;
    await privateFolder(folder);
    this.#lock = lockFolder(folder);
    this.#ended = new AbortController();
    const signIn = new SignIn(this.#options);
    const originCheck = { isAllowed: (origin: string) => signIn.isAllowed(origin), uid };
    const options = { signIn, originCheck, ended: this.#ended.signal, log };
    const app = await agentApp(options);
    const sockets = new AgentSockets({ ...options, clock });
    const server = localServer();
    server.on('request', (request, response) => {
      if (isSound(request, response)) app.server.emit('request', request, response);
    });
    server.on('upgrade', (request, stream, head) => {
      if (isSoundUpgrade(request, stream)) void sockets.upgrade(request, stream, head);
    });
    this.#app = app;
    this.#sockets = sockets;
    this.#server = server;
    this.#port = await listenLocally(server, port);
    await this.#portFile.write(this.#port);
    log.info(`Server started on port ${this.#port}`);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#sockets?.stop();
    const server = this.#server;
    if (server?.listening === true) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await this.#portFile.remove();
    }
    await this.#app?.close();
    this.#lock?.release();
    this.#server = this.#app = this.#sockets = this.#lock = undefined;
  }
}
