import { timingSafeEqual } from 'node:crypto'

/**
 * A string that cannot be printed. Passwords, keys and tokens are one from the moment they are decoded:
 * a template literal, `JSON.stringify`, `console.log`, `util.inspect` and pino all show `[secret]`.
 * Code that needs the characters calls `reveal`; `test/architecture.test.ts` lists the files that may.
 */
export class Secret {
  readonly #value: string
  /** For `is`, once it was asked with the same text: this one, and room for the other. */
  #bytes: readonly [own: Buffer, other: Buffer] | undefined

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
    const [own, other] = this.#bytes ?? [Buffer.from(this.#value, 'utf16le'), Buffer.from(text, 'utf16le')]
    if (this.#bytes !== undefined) other.write(text, 'utf16le')
    const isSame = timingSafeEqual(own, other)
    // Outside of the pool of `Buffer.from`: each would keep a whole piece of it.
    if (isSame) this.#bytes ??= [copyOf(own), copyOf(own)]
    return isSame
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

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length)
  bytes.copy(copy)
  return copy
}
