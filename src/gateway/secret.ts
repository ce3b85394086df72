import { timingSafeEqual } from 'node:crypto'

/**
 * A string that cannot be printed. Passwords, keys and tokens are one from the moment they are decoded:
 * a template literal, `JSON.stringify`, `console.log`, `util.inspect` and pino all show `[secret]`.
 * Code that needs the characters calls `reveal`; `test/architecture.test.ts` lists the files that may.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** True for the empty string, which is not a password: git sends one for `https://user@host`. */
  get isEmpty(): boolean {
    return this.#value === ''
  }

  /** Whether both are the same text. How long it takes depends on their lengths only, not on where they differ. */
  equals(other: Secret): boolean {
    const [one, two] = [this.#value, other.#value]
    return (
      one.length === two.length && timingSafeEqual(Buffer.from(one, 'utf16le'), Buffer.from(two, 'utf16le'))
    )
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.toPrimitive](): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
