import { captureClientHello } from '../cloud/relay/hello.ts';
import type { Target } from './fuzzing.ts';
import { httpBodies, httpRequests } from './http-targets.ts';
import { textTargets } from './text-targets.ts';
import { wireTargets } from './wire-targets.ts';

/** Everything that reads what strangers send. */
export const allTargets = async (): Promise<Target[]> => [
  ...wireTargets(
    await Promise.all([captureClientHello('remote.a.box.example'), captureClientHello(undefined)]),
  ),
  ...textTargets(),
  httpRequests(),
  httpBodies(),
];
