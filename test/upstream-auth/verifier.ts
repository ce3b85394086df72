/** Who an assertion speaks of, as the example of docs/upstream says it. */
export interface Person {
  readonly subject: string
  readonly username: string
  readonly account: string
  readonly scope: string
}

/** What the example looks at of a request. */
export interface Presented {
  readonly method: string
  readonly url: string
  readonly headers: { readonly authorization?: string }
}

interface Example {
  readonly createVerifier: (options: {
    readonly gateway: string
    readonly self: string
    readonly account?: string
    readonly keys?: string
  }) => (request: Presented) => Promise<Person>
}

/** The example itself, which is plain JavaScript so that it can be copied. */
export const { createVerifier }: Example = await import(
  new URL('../../docs/upstream/verify-assertion.js', import.meta.url).href
)
