import { join } from 'node:path';

/** Where updates keep what is of this machine alone, below the state folder: no backup holds it, and no restore brings it. */
export const machineFolder = '.update';
/** There, the state as it was before the release on trial first ran. */
export const stateBeforeFolder = join(machineFolder, 'before');
