import { resolve } from 'node:path';
import { Problem } from '../../../kit/runtime/errors.ts';
import { enrolmentLimits } from '../../../protocol/enrolment-api.ts';

/** A folder that is reached by going down `steps` from `root`, which the owner allowed. */
export interface Destination {
  root: string;
  /** Names of folders; none of them leads up. */
  steps: readonly string[];
}

const stepBytesMax = 255;
const stepsMax = 32;

/**
 * Where the certificates of `app` may be written: `destination` is an absolute path in the folder that is allowed for the
 * app, or a path relative to it. By the text alone; links are looked at when it is opened. Throws `destination-refused`.
 */
export function destinationOf(
  folders: Readonly<Record<string, string>>,
  app: string,
  destination: string,
): Destination {
  const allowed = Object.hasOwn(folders, app) ? folders[app] : undefined;
  if (allowed === undefined)
    throw destinationRefused(
      `the box allows no folder for the app ${JSON.stringify(app)}; an owner sets it in enrolment.folders`,
    );
  const root = resolve(allowed);
  if (destination === '') throw destinationRefused('there is none; medium 1 needs it');
  if (destination.length > enrolmentLimits.destinationMax || /\p{C}/u.test(destination))
    throw destinationRefused('it is too long, or has characters that cannot be read');
  const steps = stepsOf(below(root, destination));
  if (steps.some((step) => step === '..' || step === '.')) throw destinationRefused('it has a step . or ..');
  if (steps.length > stepsMax || steps.some((step) => Buffer.byteLength(step) > stepBytesMax))
    throw destinationRefused('it is too deep, or has too long a name');
  return { root, steps };
}

function below(root: string, destination: string): string {
  if (!destination.startsWith('/')) return destination;
  const prefix = root.endsWith('/') ? root : `${root}/`;
  if (`${destination}/`.startsWith(prefix)) return destination.slice(root.length);
  throw destinationRefused('it is not in the folder that is allowed for the app');
}

const stepsOf = (path: string): string[] => path.split('/').filter((step) => step !== '');

export const destinationRefused = (why: string, cause?: unknown): Problem =>
  new Problem('destination-refused', `the destination is refused: ${why}`, {
    status: 422,
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
