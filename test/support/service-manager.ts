import { mustBeThere } from './programs.ts';
import { Child } from '../../src/kit/runtime/child.ts';

/** Node has no datagram sockets of the Unix domain; Python has, and comes with PageKite. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print('|'.join(s.recv(4096).decode().split('\\n')), flush=True)`;

/** What a service manager hears at its socket (sd_notify(3)), in the place of systemd. */
interface ListeningManager {
  /** The messages so far, each with its assignments in order; without what systemd-notify adds of its own. */
  messages(): string[][];
  stop(): Promise<unknown>;
}

/** Listens at the socket `path`; resolves when it does. */
export async function listenAsManager(path: string): Promise<ListeningManager> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  const lines: string[] = [];
  mustBeThere(['systemd-notify']);
  mustBeThere(['python3']);
  const child = new Child({
    command: 'python3',
    args: ['-c', listener, path],
    onLine: (line) => {
      if (line === 'listening') resolve();
      else lines.push(line);
    },
  });
  void child.exited.then(() => reject(new Error('the listener ended')));
  await listening;
  return {
    messages: () =>
      lines
        // The program also waits until it was heard (BARRIER) and says for whom it speaks (MAINPID).
        .filter((line) => !line.startsWith('BARRIER='))
        .map((line) => line.split('|').filter((part) => !/^(MAINPID=|$)/.test(part)))
        .map((parts) => parts.toSorted()),
    stop: () => child.stop(),
  };
}
