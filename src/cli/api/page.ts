import { errorCodes } from '../../protocol/error-codes.ts';
import { protocolVersion } from '../../protocol/version.ts';
import type { Api } from './call.ts';
import type { OpenApiDocument, Operation } from './open-api.ts';

/** docs/api/README.md: the documents for people, and what may change. */
export function apiPage(documents: ReadonlyMap<Api, OpenApiDocument>): string {
  const all = [...documents];
  return `# The APIs

<!-- Generated from the routes and schemas (src/cli/api) by \`npm run docs\`. Do not edit. -->

| API | version | document | where it is served |
| --- | --- | --- | --- |
${all.map(([api]) => row(api.title.replace('Porchlight: ', ''), api.version, `[${api.name}.json](${api.name}.json)`, `\`/openapi.json\` of ${api.server.description}`)).join('\n')}

The documents are OpenAPI 3.1, made from the schemas that the servers check requests with. \`/openapi.json\` is the same file, for
anybody. A typed client in TypeScript:

\`\`\`sh
npx openapi-typescript docs/api/box.json -o box.d.ts
\`\`\`

Apps that are pages or run in Node have more from [the SDK](../SDK.md), which also finds the box and keeps the connection.

## Versions, and what may change within one

A version is \`major.minor\`. The version of the protocol as a whole, which boxes and apps tell each other, is ${protocolVersion}.

Within a major version, and with a new minor one where somebody can notice:

- Calls are added, and statuses below 400 of a call that had none for the case.
- Fields are added to answers, and optional fields to requests. Ignore what you do not know. A list of words (\`kind\`, \`phase\`) may get
  another one: show what you do not know as it is.
- New codes of errors are added. Decide by \`code\`; for one that you do not know, by the status. \`message\` is for people, and its words
  change.
- Limits of how much and how often are raised, and lowered where somebody abuses them: 429 comes with \`Retry-After\` at any time.

What never changes within a major version:

- A code keeps its meaning and its status. A field keeps its name, type, unit and meaning, and a field that was always there stays.
- What was accepted is accepted: nothing optional becomes required. Bodies of people’s and of the cloud’s calls refuse fields
  that they do not know where their schema says \`additionalProperties: false\`: such a field would be a mistake without a word.
- Who may call what. It is narrowed only where it was a hole.

A breaking change is made beside what is there: another path (\`/v2/…\`) with a document of its own, while the one before is served for
as long as boxes or apps in the field may call it. So \`POST /v1/dns/…\` and \`POST /register\` still take what
clients of 2016 send. CHANGELOG.md has what changed; a pull request that changes a document shows it in its diff.

## Errors

Every error is \`{ code, message, … }\` in JSON; for who asks for HTML, a page.
\`bad-request\` comes with other statuses too, where HTTP has one for what is wrong (426).

${table(['status', 'codes'], errorRows())}
${all.map(([api, document]) => section(api, document)).join('\n')}`;
}

function errorRows(): string[][] {
  const statuses = [...new Set(Object.values(errorCodes))].toSorted((one, other) => one - other);
  return statuses.map((status) => {
    const codes = Object.entries(errorCodes).filter(([, of]) => of === status);
    return [
      String(status),
      codes
        .map(([code]) => `\`${code}\``)
        .toSorted()
        .join(', '),
    ];
  });
}

function section(api: Api, document: OpenApiDocument): string {
  const rows = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => [
      `\`${method.toUpperCase()} ${path}\``,
      operation.summary,
      operation.description.replace(/^For /, '').replace(/\.$/, ''),
      Object.entries(operation.responses)
        .filter(([status]) => status !== 'default')
        .map(answer)
        .join(', '),
    ]),
  );
  return `## ${api.title.replace('Porchlight: ', '').replace(/^./, (first) => first.toUpperCase())}

Version ${api.version}, [${api.name}.json](${api.name}.json).

${api.description}

${table(['call', 'what it does', 'who may call', 'answers'], rows)}`;
}

function answer([status, { content = {} }]: [string, Operation['responses'][string]]): string {
  const [type = ''] = Object.keys(content);
  const shape = shapeOf(content[type]?.schema ?? {});
  const what = shape === undefined ? type.replace('application/json', 'JSON') : `\`${shape}\``;
  return what === '' ? status : `${status} ${what}`;
}

/** `SessionView`, `PingEntry[]`, `{ people }`; nothing where no field is known. */
function shapeOf(schema: { $ref?: string; items?: object; properties?: object }): string | undefined {
  const { $ref, items, properties = {} } = schema;
  if ($ref !== undefined) return $ref.split('/').at(-1);
  if (items !== undefined) return `${shapeOf(items) ?? ''}[]`;
  const names = Object.keys(properties);
  return names.length === 0
    ? undefined
    : `{ ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''} }`;
}

const table = (head: string[], rows: string[][]): string =>
  `${[head, head.map(() => '---'), ...rows].map((cells) => row(...cells)).join('\n')}\n`;
const row = (...cells: string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
