import { testFrontend } from '../box/tunnel/stand-in.ts';

const unlimited = { burst: 1e6, perSecond: 1e6 };

/** A frontend in a process of its own, for the bench to kill: `node frontend-process.ts <port>`. Prints its port. */
const frontend = testFrontend({
  port: Number(process.argv[2] ?? 0),
  limits: {
    newStreams: { client: unlimited, own: unlimited, all: unlimited },
    streamsPerBox: 1e4,
  },
});
await frontend.start();
process.stdout.write(`${frontend.port}\n`);
