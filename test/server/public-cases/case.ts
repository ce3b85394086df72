/**
 * One report from the public tracker of a gateway, proxy or client, as raw bytes. Every string is latin-1: one
 * character is one byte.
 */
export interface PublicCase {
  /** What holds, as a sentence. */
  readonly name: string
  /** Where it was first reported: project and number only, `nginx trac 1234`, `git-lfs 4234`. */
  readonly reported: string
  /**
   * The whole request, with `\n` for line ends. `{auth}` stands for an `Authorization` line with the right password of
   * account `fabrikam`; `{close}` for `Connection: close`, without which the runner half-waits for `answer` to match.
   */
  readonly request: string
  /**
   * What the upstream says, as it stands on the wire (`\n` is not changed); `{upstream}` stands for its own address. Left
   * out: it must never be asked.
   */
  readonly upstream?: string
  /** The path in the address of the account's upstream; none if left out. */
  readonly upstreamPath?: string
  /** What the client gets: each must match the whole raw answer. */
  readonly answer: readonly RegExp[]
  /** What the client must not get. */
  readonly never?: RegExp
  /** What the upstream must have got, on raw bytes. */
  readonly forwarded?: readonly RegExp[]
  /** What the upstream must not have got. */
  readonly notForwarded?: RegExp
  /** Trusted proxies; none if left out. The client's address is 127.0.0.1. */
  readonly trustedProxies?: readonly string[]
  /** `https://git.example.com` if left out. */
  readonly publicUrl?: string
  /** Refuse plain http, as the settings do for a `publicUrl` with https. */
  readonly httpsOnly?: true
  readonly naming?: { readonly by: 'path' } | { readonly by: 'host'; readonly suffix: string }
  /** The status of the forward-auth port (200, 401, 403) for the same request, where the case is about getting in. */
  readonly forwardAuth?: number
}

/** A whole HTTP/1.1 answer for `upstream`, with its length. */
export function answerOf(status: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const lines = Object.entries({ 'Content-Length': String(body.length), ...headers })
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}
