import { testRelay } from '../box/tunnel/stand-in.ts';

const unlimited = { burst: 1e6, perSecond: 1e6 };

/** A relay in a process of its own, for the bench to kill: `node relay-process.ts <port>`. Prints its port. */
const relay = testRelay({
  port: Number(process.argv[2] ?? 0),
  limits: {
    newStreams: { client: unlimited, own: unlimited, all: unlimited },
    streamsPerBox: 1e4,
  },
});
await relay.start();
process.stdout.write(`${relay.port}\n`);
