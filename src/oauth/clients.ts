/** A credential helper that may ask for passwords. All are public clients: anyone can use their ids. */
export interface OAuthClient {
  readonly id: string
  /** What the page calls it. */
  readonly name: string
  /** Where browsers may be sent back to; the port of an address on this machine may differ (RFC 8252, 7.3). */
  readonly redirectUris: readonly string[]
}

/** The helper's own machine. Helpers differ in the slash at the end, which the library compares. */
const thisMachine = ['127.0.0.1', '[::1]', 'localhost'].flatMap(host => [`http://${host}`, `http://${host}/`])

const known: readonly OAuthClient[] = [
  { id: 'git-credential-manager', name: 'Git Credential Manager', redirectUris: thisMachine },
  { id: 'git-credential-oauth', name: 'git-credential-oauth', redirectUris: thisMachine },
  { id: 'altgate', name: 'altgate-git-credential', redirectUris: thisMachine },
]

/** All clients by id: the known ones, which the settings may replace, and those of the settings. */
export function clientsWith(more: readonly OAuthClient[]): ReadonlyMap<string, OAuthClient> {
  const added = more.map(each => ({
    ...each,
    redirectUris: each.redirectUris.length > 0 ? each.redirectUris : thisMachine,
  }))
  return new Map([...known, ...added].map(each => [each.id, each]))
}
