import type { FastifyRequest } from 'fastify'
import { Unusable } from '../administration/given.ts'

/** Where a body of lines is found. */
export const bodyLines = Symbol('lines')

/** What a request has in its path, query and body: the schema of its route has judged names and kinds. */
export class Given {
  readonly #fields: Readonly<Record<string | symbol, unknown>>

  constructor({ params, query, body }: Pick<FastifyRequest, 'params' | 'query' | 'body'>) {
    this.#fields = { ...(query as object), ...(body as object | undefined), ...(params as object) }
  }

  /** The value that `read` makes of a text. Throws `Unusable`, with the name of the field. */
  required<T>(name: string, read: (text: string) => T): T {
    const value = this.optional(name, read)
    if (value === undefined) throw new Unusable(`${name}: it is missing.`)
    return value
  }

  optional<T>(name: string, read: (text: string) => T): T | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new Unusable(`${name}: it must be text.`)
    return named(name, () => read(String(value)))
  }

  several<T>(name: string, read: (text: string) => T): readonly T[] | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw new Unusable(`${name}: it must be a list.`)
    return named(name, () => value.map(each => read(String(each))))
  }

  /** A list as it was sent. */
  list(name: string): readonly unknown[] {
    const value = this.#fields[name]
    return Array.isArray(value) ? value : []
  }

  /** A body of lines; `undefined`: it was JSON. */
  lines(): Buffer | undefined {
    const value = this.#fields[bodyLines]
    return Buffer.isBuffer(value) ? value : undefined
  }

  text(name: string): string | undefined {
    return this.optional(name, text => text)
  }

  number(name: string): number | undefined {
    return this.optional(name, Number)
  }

  flag(name: string): boolean {
    return this.#fields[name] === true
  }

  isNull(name: string): boolean {
    return this.#fields[name] === null
  }
}

function named<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof Unusable ? new Unusable(`${name}: ${error.message} Nothing was changed.`) : error
  }
}
