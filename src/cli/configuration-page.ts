import { BoxConfig } from '../box/config.ts';
import { CloudConfig } from '../cloud/config.ts';
import { configTable } from '../kit/config/config.ts';

/** docs/CONFIGURATION.md: every setting of box and cloud, from their schemas. */
export function configurationPage(): string {
  return `# Settings

<!-- Generated from the schemas (src/box/config.ts, src/cloud/config.ts) by \`npm run docs\`. Do not edit. -->

Each setting can be given in a file, in the environment and as a flag; of these, the later one wins:

1. the default;
2. the file, TOML: the key \`zone.root\` is \`root\` below \`[zone]\`. Read is \`/etc/porchlight/box.toml\` or
   \`/etc/porchlight/cloud.toml\` when it is there, or the file that \`--config FILE\` or \`PORCHLIGHT_CONFIG\` names;
3. the environment;
4. the flag: \`--zone.root home.example\` or \`--zone.root=home.example\`; \`--tunnel.enabled\` and \`--no-tunnel.enabled\`.

Lists are arrays in the file, and in the environment and flags separated by commas; a flag can also be repeated.
Names with values are a table in the file and \`NAME=VALUE,…\` elsewhere. A key, variable or flag that does not exist, or a
value that is not allowed, is an error that names it and where it was said: nothing is started with half of its settings.
No setting holds a secret; those that need one name a file.

Editors of TOML complete and check a file that begins with \`#:schema\` and where its schema is: [schemas/box.json](schemas/box.json) or
[schemas/cloud.json](schemas/cloud.json), by path or URL. They are made from the same definitions as this page.

## Box

For \`porchlight box\`, and for the commands that ask it or work on its state ([CLI.md](CLI.md#the-box)).

${configTable(BoxConfig)}
## Cloud

For \`porchlight cloud\`, \`dns-server\`, \`registration-server\`, \`mailbox\`, \`relay\` and \`app\`.

${configTable(CloudConfig)}`;
}
