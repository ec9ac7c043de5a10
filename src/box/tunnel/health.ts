import type { Health } from '../../kit/runtime/health.ts';
import { copyRemedy } from '../../protocol/run-api.ts';
import type { TunnelState } from '../facts.ts';

const refusals: Record<string, string> = {
  unauthorized:
    'check that box and cloud have the right time, and that dns-server and relay share one master key',
  'copied-identity': copyRemedy,
  challenge: 'check the time of the relay',
  'not-this-zone': 'set the same zone root at dns-server and relay',
};

/** Puts the tunnel's state into the health condition `tunnel`. */
export function reportHealth(health: Health, state: TunnelState): void {
  const reason = state.reason === undefined ? '' : `: ${state.reason}`;
  switch (state.phase) {
    case 'off':
      return health.set('tunnel', 'ok', 'the tunnel is switched off');
    case 'waiting':
      return health.set('tunnel', 'ok', `the tunnel waits${reason}`);
    case 'connected':
      return health.set('tunnel', 'ok', `the box can be reached from outside at ${state.origin}`);
    case 'connecting':
      if (state.reason === undefined) return health.set('tunnel', 'ok', 'the tunnel is being connected');
      return health.set('tunnel', 'warning', `no tunnel yet${reason}`, checkNetwork);
    case 'lost':
      return health.set('tunnel', 'warning', `the tunnel is lost${reason}`, checkNetwork);
    case 'rejected':
      return health.set(
        'tunnel',
        'error',
        `the relay refuses the box${reason}`,
        refusals[state.reason ?? ''] ?? checkNetwork,
      );
  }
}

const checkNetwork =
  'it is tried again by itself; if this lasts, check that the box reaches the internet (porchlight doctor)';
