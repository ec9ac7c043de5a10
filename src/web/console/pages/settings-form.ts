import type { SettingsRequest } from '../../../protocol/access-api.ts';
import type { FormValues } from '../../shared/form.tsx';

/** As the text of the choice says. */
const windowMinutes = 15;

/** What the fields of the settings form mean. */
export function settingsOf({ name = '', discovery, tunnel }: FormValues): SettingsRequest {
  return {
    name: name.trim(),
    tunnel: tunnel === 'on',
    discovery: discovery === 'always' || discovery === 'off' ? discovery : { forMinutes: windowMinutes },
  };
}
