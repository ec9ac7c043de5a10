import { CardSettings } from '../box/card/card-settings.ts';
import { BoxConfig } from '../box/config.ts';
import { CloudConfig } from '../cloud/config.ts';
import { configSchema } from '../kit/config/config-schema.ts';

/** The JSON Schema of each file that people write settings into, by its name in docs/schemas. */
export function configSchemas(): ReadonlyMap<string, object> {
  return new Map([
    ['box', configSchema(BoxConfig, { title: 'box.toml: settings of porchlight box' })],
    ['cloud', configSchema(CloudConfig, { title: 'cloud.toml: settings of porchlight cloud and its parts' })],
    [
      'porchlight',
      configSchema(CardSettings, {
        title: 'porchlight.toml: what a person puts on the card',
        secrets: 'allowed',
      }),
    ],
  ]);
}
