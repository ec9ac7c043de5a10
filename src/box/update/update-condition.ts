import type { Severity } from '../../kit/runtime/health.ts';
import type { UpdateState } from '../../protocol/update-api.ts';

/**
 * What the box says of its updates; `undefined` where there are none. Never an error: a box that is not updated does its
 * work all the same, and an update must not be rolled back because of the one before. `unasked` is for how many days the
 * release folder has not been heard, and it should have been.
 */
export function conditionOf(
  state: UpdateState,
  unasked: number,
): [severity: Severity, message: string, remedy?: string] | undefined {
  const { phase, version, target, trouble, takenBack } = state;
  if (phase === 'not-an-appliance') return undefined;
  if (phase === 'trial')
    return ['ok', `version ${version} is on trial; it stays when the box is found healthy with it`];
  if (trouble !== null)
    return [
      'warning',
      `the last update failed: ${trouble.message}`,
      'try again (page “Updates”, or porchlight update)',
    ];
  if (phase === 'awaiting-reboot')
    return ['ok', `version ${target} is written and runs from the next restart on`];
  if (takenBack !== null)
    return [
      'warning',
      `version ${takenBack.version} was tried and rolled back: ${takenBack.reason}`,
      'nothing is broken: the box runs what it ran before. journalctl -u porchlight-confirm says more; a newer release is taken as usual',
    ];
  if (unasked >= 7)
    return [
      'warning',
      `the update server has not been reached for ${unasked} days`,
      'check update.server and the way to the internet; porchlight update --check asks it now',
    ];
  return ['ok', `version ${version} runs`];
}
