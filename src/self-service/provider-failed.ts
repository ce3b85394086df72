/** How an identity provider failed: nobody there, no answer in time, or an answer that is none. */
export type Failing = 'unreachable' | 'slow' | 'nonsense'

/** An identity provider could not do its part. No fault of the person, and nothing was changed. */
export class ProviderFailed extends Error {
  readonly failing: Failing

  constructor(failing: Failing, cause: unknown) {
    super(`the identity provider failed: ${failing}`, { cause })
    this.name = 'ProviderFailed'
    this.failing = failing
  }

  /** For the log: what each cause says of itself, and nothing of what it carries: that may be a token. */
  get detail(): string {
    return causesOf(this.cause)
      .map((each: Error & { code?: unknown; error?: unknown }) =>
        [each.message, each.code, each.error].filter(part => typeof part === 'string').join(' '),
      )
      .join(': ')
  }
}

/** An error and what caused it, outermost first. */
export function causesOf(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : []
}
