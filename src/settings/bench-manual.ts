import { editorSchemaOf } from './editor-schema.ts'
import { benchJsonSchema } from './load-bench.ts'
import { sectionsOf } from './manual-sections.ts'

/** The manual of the load test's settings, `config/bench.md`. */
export function benchManual(): string {
  return `${[introduction, ...sectionsOf(benchJsonSchema)].join('\n\n')}\n`
}

/** The JSON Schema for editors: what a settings file of the load test may hold. */
export function benchEditorSchema(): string {
  return editorSchemaOf('Settings of altgate bench', benchJsonSchema)
}

const introduction = `# Settings of the load test

<!-- Generated from src/settings/bench.ts by \`npm run settings:print\`. Change it there. -->

\`altgate bench\` reads them from the file that \`--config\` names, else from \`bench.yaml\` in the folder that it is started
in; \`altgate bench --init\` writes [an example](bench.example.yaml). The environment overrides nothing here. \`<id>\` stands
for names that you choose. [bench.schema.json](bench.schema.json) lets editors complete and check.

Any single value may be a reference: \`{ env: NAME }\` is the text of an environment variable, \`{ file: PATH }\` the text of
a file without its last newline; \`PATH\` is relative to the folder of the settings file. Secrets should be references. Only
those of the chosen target must lead somewhere.`
