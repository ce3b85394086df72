/**
 * The rules of the decision as a specification would state them, independent of the code: no caches, no ports, no hashes,
 * plain strings. `rules.test.ts` compares the gateway with it.
 */
export interface Rules {
  readonly httpsOnly: boolean
  readonly accounts: readonly RuleAccount[]
  readonly credentials: readonly RuleCredential[]
}

export interface RuleAccount {
  readonly name: string
  readonly scope: string
  /** The scope it has left. */
  readonly former?: string
  /** The bridge for linked users is open. */
  readonly bridged?: boolean
  /** Primary user names by scope; left out: everyone with a credential of the scope is a member. */
  readonly members?: Readonly<Record<string, readonly string[]>>
  /** Requests reach the upstream as their user. */
  readonly delegated?: boolean
}

export interface RuleCredential {
  readonly scope: string
  readonly primary: string
  readonly secondary?: string
  readonly password: string
  readonly enabled: boolean
  readonly linked: boolean
  /** The user's sign-in on the page is in force. */
  readonly signedIn: boolean
}

export interface Question {
  readonly account: string
  readonly secure: boolean
  /** Left out: an anonymous request. */
  readonly presented?: { readonly username: string; readonly password: string }
}

/** The outcome, and the identity that is allowed: `allow anna@example.com of msa`. */
export function outcomeByTheRules(rules: Rules, { account: name, secure, presented }: Question): string {
  if (rules.httpsOnly && !secure) return 'not-allowed'
  if (presented === undefined || presented.password === '') return 'challenge'
  const account = rules.accounts.find(each => each.name === name.toLowerCase())
  if (account === undefined) return 'no-account'

  const holderIn = (scope: string) =>
    rules.credentials.find(
      each =>
        each.scope === scope && [each.primary, each.secondary].includes(presented.username.toLowerCase()),
    )
  const isMember = (scope: string, { primary }: RuleCredential) =>
    account.members === undefined || (account.members[scope] ?? []).includes(primary)

  // A credential of the account's own scope decides alone, whatever the same name has elsewhere.
  const holder = holderIn(account.scope)
  if (holder !== undefined) {
    if (holder.password !== presented.password) return 'refused'
    if (!holder.enabled) return 'disabled'
    return isMember(account.scope, holder) ? entry(account, holder) : 'not-allowed'
  }

  const { former } = account
  const before = former === undefined || former === account.scope ? undefined : holderIn(former)
  if (former === undefined || before === undefined || before.password !== presented.password) return 'refused'
  if (isMember(former, before) && account.bridged === true && before.linked && before.enabled)
    return entry(account, before)
  return isMember(former, before) || isMember(account.scope, before) ? 'reset-needed' : 'not-allowed'
}

/** The password is right, and its user may enter. */
function entry({ delegated }: RuleAccount, { primary, scope, signedIn }: RuleCredential): string {
  return delegated === true && !signedIn ? 'sign-in-needed' : `allow ${primary} of ${scope}`
}
