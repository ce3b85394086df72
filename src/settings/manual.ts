import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'
import { benchJsonSchema, jsonSchema, type JsonSchema } from './json-schema.ts'
import { variableOf } from './overrides.ts'

/** The manual, `config/README.md`: every setting, in the order of the schema. */
export function manual(): string {
  return `${[introduction, ...sectionsOf(jsonSchema, variableOf)].join('\n\n')}\n`
}

const introduction = `# Settings

<!-- Generated from src/settings by \`npm run settings:print\`. Change it there. -->

Settings are read at the start, and again by \`altgate reload\`, from a YAML file and from the environment. Every setting has a
default, except those marked "required" or "optional". Unknown settings are refused, and all problems are reported at once, each with
its path.

| file | for |
| --- | --- |
| [development.yaml](development.yaml) | \`npm start\`: embedded store, no Redis, a demo upstream and demo accounts |
| [production.yaml](production.yaml) | PostgreSQL and Redis, https, all cores; secrets by reference |
| [forward-auth.yaml](forward-auth.yaml) | beside nginx, which asks only for the decision |
| [gateway.schema.json](gateway.schema.json) | JSON Schema, for completion and validation in editors |
| [bench.example.yaml](bench.example.yaml) | the load test, \`altgate bench\`: its settings are in [bench.md](bench.md) |

\`altgate settings\` prints the settings in force, \`altgate check\` verifies them.

## Where a value comes from

1. **The environment**: \`ALTGATE__\` and the path of the setting, with \`__\` between its parts, in any letter case.
   \`ALTGATE__LISTEN__PORT=8443\` is \`listen.port\`. A list is written with commas or as JSON, a group as YAML.
2. **The file** that \`--config\` names, else the one in \`ALTGATE_CONFIG\`. Without either there is no file.
3. **The default**.

Any single value may be a reference: \`{ env: NAME }\` is the text of an environment variable, \`{ file: PATH }\` the text of
a file, both without a byte order mark and without blanks and newlines at their ends; \`PATH\` is relative to the directory of
the settings file. Secrets should be references.
Error messages never show a value that came from a reference, or that is marked secret below.

Relative paths in settings (\`certFile\`, \`log.file\`, \`sqlite:...\`) are relative to the directory in which Altgate is started.`

/** Returns the environment variable that overrides a setting. */
type VariableOf = (path: readonly string[]) => string

/** The sections of a manual in Markdown, one for each top-level setting. `variableOf`: if the environment overrides settings. */
function sectionsOf(schema: JsonSchema, variableOf?: VariableOf): readonly string[] {
  return Object.entries(schema.properties ?? {}).map(([key, part]) => section(key, part, variableOf))
}

function section(key: string, part: JsonSchema, variableOf?: VariableOf): string {
  const members = membersOf(part).flatMap(member => entries([key], member, variableOf))
  const alone = { key, part, required: false }
  const about = members.length === 0 ? entries([], alone, variableOf) : [part.description ?? '']
  return [`## ${key}`, ...about, ...members].join('\n\n')
}

/** One setting, or a nested group, followed by its members with their full paths. */
function entries(
  above: readonly string[],
  { key, part, required }: Member,
  variableOf?: VariableOf,
): readonly string[] {
  const path = [...above, key]
  const members = membersOf(part)
  const isGroup = members.length > 0 || part.listedElsewhere === true
  const facts = [
    isGroup ? 'group' : kindOf(key, part),
    part.default === undefined ? (required ? 'required' : 'optional') : `default ${presetOf(part.default)}`,
    ...(!isGroup && variableOf ? [`\`${variableOf(path)}\``] : []),
  ]
  const line = `**\`${path.join('.')}\`**: ${facts.join(' · ')}<br>\n${part.description ?? ''}`
  return [line, ...members.flatMap(member => entries(path, member, variableOf))]
}

interface Member {
  readonly key: string
  readonly part: JsonSchema
  /** Its group requires it. */
  readonly required: boolean
}

/** The members of a group, none for a single value. For a choice between groups, each member once, as a choice. */
function membersOf(part: JsonSchema): readonly Member[] {
  if (part.listedElsewhere === true) return []
  const choices = part.oneOf ?? [part]
  if (typeof part.additionalProperties === 'object')
    return [{ key: '<id>', part: part.additionalProperties, required: false }]
  const keys = new Set(choices.flatMap(choice => Object.keys(choice.properties ?? {})))
  return [...keys].map(key => {
    const parts = choices.flatMap(choice => choice.properties?.[key] ?? [])
    const description = parts.find(each => each.description)?.description ?? ''
    const [only = {}] = parts
    return {
      key,
      part: parts.every(each => isDeepStrictEqual(each, only)) ? only : { description, anyOf: parts },
      required: choices.some(choice => choice.required?.includes(key) === true),
    }
  })
}

/** A default as written in the file. */
function presetOf(preset: unknown): string {
  const text = stringify(preset, { collectionStyle: 'flow', flowCollectionPadding: true }).trim()
  return `\`${text}\``
}

/** The kind of a value, with its unit, which is the last part of its name. */
function kindOf(key: string, part: JsonSchema): string {
  if (part.items !== undefined)
    return `list of ${kindOf(key, part.items).replace(/^whole number/, 'whole numbers')}`
  if (part.enum !== undefined) return part.enum.map(word => `\`${word}\``).join(' or ')
  if (part.anyOf !== undefined) return part.anyOf.map(choice => kindOf(key, choice)).join(' or ')
  if (part.const !== undefined) return `\`${part.const}\``
  if (part.type === 'integer') return `whole number${unitOf(key)} from ${part.minimum} to ${part.maximum}`
  if (part.type === 'number') return `number from ${part.minimum} to ${part.maximum}`
  return part.writeOnly === true ? 'text, secret' : 'text'
}

const units = [
  [/Seconds$/, ' of seconds'],
  [/Minutes$/, ' of minutes'],
  [/Ms$/, ' of milliseconds'],
  [/KiB$/, ' of KiB'],
] as const

function unitOf(key: string): string {
  return units.find(([suffix]) => suffix.test(key))?.[1] ?? ''
}

/** The JSON Schema for editors: what the gateway's settings file may contain. */
export function editorSchema(): string {
  return editorSchemaOf('Settings of Altgate', jsonSchema)
}

/** The same for any of our settings files, including references. */
function editorSchemaOf(title: string, written: JsonSchema): string {
  const { $schema, ...rest } = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...written }
  const root = { $schema, title, ...withReferences(rest), $defs: { reference } }
  return `${JSON.stringify(root, null, 2)}\n`
}

const reference = {
  description: 'Where to read the value: an environment variable, or a file relative to this one.',
  oneOf: ['env', 'file'].map(key => ({
    type: 'object',
    properties: { [key]: { type: 'string' } },
    required: [key],
    additionalProperties: false,
  })),
}

/** Every single value may be a reference instead. */
function withReferences(part: JsonSchema): object {
  const { description, default: preset, oneOf, followed: _, listedElsewhere: __, ...rest } = part
  const about = { ...(description && { description }), ...(preset !== undefined && { default: preset }) }
  if (oneOf !== undefined) return { ...about, oneOf: oneOf.map(withReferences) }
  if (part.items !== undefined) return { ...about, ...rest, items: withReferences(part.items) }
  if (typeof part.additionalProperties === 'object')
    return { ...about, ...rest, additionalProperties: withReferences(part.additionalProperties) }
  if (part.properties === undefined) return { ...about, anyOf: [rest, { $ref: '#/$defs/reference' }] }
  const members = Object.entries(part.properties).map(([key, member]) => [key, withReferences(member)])
  return { ...about, ...rest, properties: Object.fromEntries(members) }
}

/** The manual of the load test's settings, `config/bench.md`. */
export function benchManual(): string {
  return `${[benchIntroduction, ...sectionsOf(benchJsonSchema)].join('\n\n')}\n`
}

/** The JSON Schema for editors: what a settings file of the load test may contain. */
export function benchEditorSchema(): string {
  return editorSchemaOf('Settings of altgate bench', benchJsonSchema)
}

const benchIntroduction = `# Settings of the load test

<!-- Generated from src/settings/bench.ts by \`npm run settings:print\`. Change it there. -->

\`altgate bench\` reads them from the file that \`--config\` names, else from \`bench.yaml\` in the current directory;
\`altgate bench --init\` writes [an example](bench.example.yaml). The environment does not override them. \`<id>\` stands for
names that you choose. [bench.schema.json](bench.schema.json) is for completion and validation in editors.

Any single value may be a reference: \`{ env: NAME }\` is the text of an environment variable, \`{ file: PATH }\` the text of
a file, both without a byte order mark and without blanks and newlines at their ends; \`PATH\` is relative to the directory of
the settings file. Secrets should be references.
Only those of the chosen target must resolve.`
