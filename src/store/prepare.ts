import { type Compilable, type Kysely, type RawBuilder, sql } from 'kysely'
import type { Schema } from './schema.ts'

/** Stands in a statement where each run puts its value. */
export type Placeholder<Values> = <Name extends keyof Values>(name: Name) => RawBuilder<Values[Name]>

class Gap {
  readonly name: PropertyKey

  constructor(name: PropertyKey) {
    this.name = name
  }
}

/** A statement that is built and compiled once, because that costs more than running it. Throws `Outage`. */
export function prepare<Values extends object, Row>(
  db: Kysely<Schema>,
  build: (value: Placeholder<Values>) => Compilable<Row>,
): (values: Values) => Promise<readonly Row[]> {
  const compiled = build(name => sql`${new Gap(name)}`).compile()
  return async values => {
    const filled = new Map<PropertyKey, unknown>(Object.entries(values))
    const parameters = compiled.parameters.map(part => (part instanceof Gap ? filled.get(part.name) : part))
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows
  }
}
