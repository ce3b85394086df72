import { z } from 'zod'
import { benchSchema } from './bench.ts'
import { schema } from './schema.ts'

/** A part of the JSON Schema that zod makes of our schema: of its words only those that our settings need. */
export interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly writeOnly?: boolean
  /** Our own keyword: its file is read again when it changes. */
  readonly followed?: boolean
  /** Our own keyword: the manual does not list its members, which stand elsewhere. */
  readonly listedElsewhere?: boolean
  readonly const?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  /** Of a group whose members have names chosen in the file: the schema of each. */
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** What the gateway's settings file may contain. */
export const jsonSchema = jsonSchemaOf(schema)

/** What the settings file of a load test may contain. */
export const benchJsonSchema = jsonSchemaOf(benchSchema)

/** What a settings file may contain: settings with defaults may be left out, and a secret is still text. */
function jsonSchemaOf(written: z.ZodType): JsonSchema {
  // zod's own type of JSON Schema allows every keyword of every draft; the interface above names those in the output.
  return z.toJSONSchema(written, { io: 'input', override: asOneValue }) as JsonSchema
}

/** In a settings file, a secret that is followed is a value like any other. */
function asOneValue({ jsonSchema: part }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (part['followed'] !== true) return
  delete part.anyOf
  part.type = 'string'
}
