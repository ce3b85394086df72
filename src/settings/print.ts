import { writeFileSync } from 'node:fs'
import { editorSchema } from './editor-schema.ts'
import { manual } from './manual.ts'

// `npm run settings:print`: writes what is generated from the schema. A test fails when it is stale.
const folder = new URL('../../config/', import.meta.url)
writeFileSync(new URL('README.md', folder), manual())
writeFileSync(new URL('gateway.schema.json', folder), editorSchema())
