import { timingSafeEqual } from 'node:crypto'

/**
 * A string that cannot be printed. Passwords, keys and tokens are one from the moment they are decoded:
 * a template literal, `JSON.stringify`, `console.log`, `util.inspect` and pino all show `[secret]`.
 * Code that needs the characters calls `reveal`; `test/architecture.test.ts` lists the files that may.
 */
export class Secret {
  readonly #value: string
  /** For `is`. */
  #bytes: Buffer | undefined

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

  /** Whether this is the text. How long it takes depends on the lengths only, not on where they differ. */
  is(text: string): boolean {
    if (text.length !== this.#value.length) return false
    this.#bytes ??= Buffer.from(this.#value, 'utf16le')
    return timingSafeEqual(this.#bytes, Buffer.from(text, 'utf16le'))
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
