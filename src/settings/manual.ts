import { sectionsOf } from './manual-sections.ts'
import { variableOf } from './overrides.ts'
import { jsonSchema } from './shape.ts'

/** The manual, `config/README.md`: every setting, in the order of the schema. */
export function manual(): string {
  return `${[introduction, ...sectionsOf(jsonSchema, variableOf)].join('\n\n')}\n`
}

const introduction = `# Settings

<!-- Generated from src/settings by \`npm run settings:print\`. Change it there. -->

Settings are read once, at the start, from a YAML file and from the environment. Everything has a default except
what says "required"; what is optional may be left out. Unknown names are refused, and all complaints come at once,
each with its place.

| file | for |
| --- | --- |
| [development.yaml](development.yaml) | \`npm start\`: embedded store, no Redis, a demo upstream and demo accounts |
| [production.yaml](production.yaml) | PostgreSQL and Redis, https, all cores; secrets by reference |
| [forward-auth.yaml](forward-auth.yaml) | beside nginx, which asks for the decision alone |
| [gateway.schema.json](gateway.schema.json) | JSON Schema, so that editors can complete and check |
| [bench.example.yaml](bench.example.yaml) | the load test, \`altgate bench\`: its settings are in [bench.md](bench.md) |

\`altgate settings\` prints the settings in force, \`altgate check\` tries them out.

## Where a value comes from

1. **The environment**: \`ALTGATE__\` and the path of the setting with \`__\` between its parts, in any case.
   \`ALTGATE__LISTEN__PORT=8443\` is \`listen.port\`. A list is written with commas or as JSON, a group as YAML.
2. **The file** that \`--config\` names, else the one in \`ALTGATE_CONFIG\`. Without either there is no file.
3. **The default**.

Any single value may be a reference: \`{ env: NAME }\` is the text of an environment variable, \`{ file: PATH }\` the text of
a file without its last newline; \`PATH\` is relative to the folder of the settings file. Secrets should be references.
No complaint shows a value that came that way; what is called secret below is never shown at all.

Relative paths in settings (\`certFile\`, \`log.file\`, \`sqlite:...\`) start at the folder that Altgate is started in.`
