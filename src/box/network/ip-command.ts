import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Child } from '../../kit/runtime/child.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import type { Observed } from './network-policy.ts';

const run = promisify(execFile);

/** Where the watcher looks and what wakes it. */
export interface NetworkSource {
  observe(signal: AbortSignal): Promise<Observed>;
  /** A child that calls `onEvent` whenever something may have changed. */
  monitor(onEvent: () => void): Pick<Child, 'exited' | 'stop'>;
}

/**
 * The kernel's view by iproute2. `ip monitor` takes `-json` but prints text all the same (iproute2 6.1), so that it is
 * used as an alarm clock only: what is the case is read afresh, and in one format.
 * `options` come first in every call: `['-netns', NAME]` looks into another network namespace.
 */
export function ipCommand(options: readonly string[] = []): NetworkSource {
  return {
    observe: async (signal) => {
      const [addresses, routes4, routes6] = await Promise.all([
        ip([...options, '-json', '-details', 'address', 'show'], signal),
        ip([...options, '-json', '-4', 'route', 'show', 'default'], signal),
        ip([...options, '-json', '-6', 'route', 'show', 'default'], signal),
      ]);
      return { addresses, routes4, routes6 };
    },
    monitor: (onEvent) => {
      const args = [...options, 'monitor', 'address', 'route', 'link'];
      return new Child({ command: 'ip', args, onLine: onEvent });
    },
  };
}

async function ip(args: readonly string[], signal: AbortSignal): Promise<unknown> {
  try {
    const { stdout } = await run('ip', args, { signal, timeout: 5000, maxBuffer: 16 * 1024 * 1024 });
    // Nothing to show is printed as nothing by some versions.
    return stdout.trim() === '' ? [] : JSON.parse(stdout);
  } catch (error) {
    signal.throwIfAborted();
    const [code, message] =
      codeOf(error) === 'ENOENT'
        ? ['ip-missing', 'the program ip is not there; install it: apt install iproute2']
        : ['ip-failed', `ip ${args.join(' ')} failed: ${messageOf(error)}`];
    throw new Problem(code, message, { cause: error });
  }
}
