import { startServer, testCaPem } from './setup.ts';

/**
 * The registration-server in a process of its own, for the bench and for tests that take its disk away. Prints where it
 * listens, runs until its input ends, and prints its metrics.
 */
const rate = { burst: 1e9, perSecond: 1e9 };
const server = await startServer({
  stateFolder: process.argv[2] ?? '',
  limits: { perBox: rate, announcementsPerSource: rate, pingsPerSource: rate },
});
process.stdout.write(`${JSON.stringify({ port: server.port, caPem: testCaPem })}\n`);
for await (const _ of process.stdin);
process.stdout.write(`${JSON.stringify(server.metrics)}\n`);
await server.stop();
