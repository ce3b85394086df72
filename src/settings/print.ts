import { writeFileSync } from 'node:fs'
import { benchEditorSchema, benchManual, editorSchema, manual } from './manual.ts'

// `npm run settings:print`: writes what is generated from the schema. A test fails when it is stale.
const folder = new URL('../../config/', import.meta.url)
writeFileSync(new URL('README.md', folder), manual())
writeFileSync(new URL('gateway.schema.json', folder), editorSchema())
writeFileSync(new URL('bench.md', folder), benchManual())
writeFileSync(new URL('bench.schema.json', folder), benchEditorSchema())
