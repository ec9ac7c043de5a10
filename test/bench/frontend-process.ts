import { testFrontend } from '../box/tunnel/stand-in.ts';

/** A frontend in a process of its own, for the bench to kill: `node frontend-process.ts <port>`. Prints its port. */
const frontend = testFrontend({
  port: Number(process.argv[2] ?? 0),
  limits: {
    newStreamsPerSecond: 1e6,
    newStreamsBurst: 1e6,
    newStreamsPerSecondOfSource: 1e6,
    newStreamsBurstOfSource: 1e6,
    streamsPerBox: 1e4,
    streamsPerBoxOfSource: 1e4,
  },
});
await frontend.start();
process.stdout.write(`${frontend.port}\n`);
