import { Failure } from '../common/failure.ts'
import { scopeOf } from '../gateway/account.ts'
import type { Grant, Revocation } from '../gateway/delegation.ts'
import { msaScope, type Owner, type Scope, type Username } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { AccountUse, CredentialRecord, NewCredential, PasswordRecord } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { flawText, passwordAdvice, passwordFlaw } from '../passwords/rules.ts'
import { inPart, insist, notMade, Refused } from './problems.ts'
import type { Tools } from './tools.ts'

/** Everything about one credential. */
export interface Shown {
  readonly record: CredentialRecord
  readonly grant: Grant | undefined
  /** The time by the clock that times of the grant are by. */
  readonly now: number
  /** The accounts that it opens, by name. */
  readonly accounts: readonly {
    readonly name: string
    /** Left out if the account is open to every user of the scope. */
    readonly member?: boolean
    readonly use?: Pick<AccountUse, 'at' | 'from'>
  }[]
  /** The same person in other scopes. `username`: of the credential there, if there is one. */
  readonly linked: readonly { readonly scope: Scope; readonly username?: Username }[]
  /** The generated ones, newest first. */
  readonly passwords: readonly PasswordRecord[]
}

/** Throws `Refused` if there is none. */
export async function readShown(
  { registry, store }: Pick<Tools, 'registry' | 'store'>,
  scope: Scope,
  user: Username,
): Promise<Shown> {
  const record = (await registry.person(user)).find(
    each => each.scope === scope && (each.username === user || each.secondary === user),
  )
  if (record === undefined) throw new Refused({ problem: 'no-such-credential', username: user, scope })
  const { owner, username } = record
  const found = owner === undefined ? undefined : await store.grants.of(scope, owner)
  return {
    record,
    grant: found?.grant,
    now: found?.now ?? Date.now(),
    accounts: await accountsOf(registry, scope, username),
    linked: owner === undefined ? [] : await linkedOf(registry, scope, owner),
    passwords: await registry.passwords(scope, username),
  }
}

/** Three reads, however many accounts there are: it is also asked in workers. */
async function accountsOf(
  registry: Tools['registry'],
  scope: Scope,
  username: Username,
): Promise<Shown['accounts']> {
  const theirs = new Map((await registry.accountsOf(scope, username)).map(each => [each.name, each]))
  const all = (await registry.accounts()).filter(({ connection }) => scopeOf(connection) === scope)
  return all.map(({ name, membersOnly }) => {
    const { use, isListed = false } = theirs.get(name) ?? {}
    return { name, ...(membersOnly && { member: isListed }), ...(use && { use }) }
  })
}

async function linkedOf(registry: Tools['registry'], scope: Scope, owner: Owner): Promise<Shown['linked']> {
  const linked: Shown['linked'][number][] = []
  // The id of a directory is its scope.
  const scopes = [msaScope, ...(await registry.directories()).map(({ id }) => id as string as Scope)]
  for (const other of scopes.filter(each => each !== scope)) {
    const theirs = await registry.linkedTo({ scope, owner }, other)
    if (theirs === undefined) continue
    const username = (await registry.ownCredential(other, theirs))?.username
    linked.push({ scope: other, ...(username !== undefined && { username }) })
  }
  return linked
}

/** A credential to add, or to give a new password. */
export interface WantedCredential {
  readonly scope: Scope
  readonly user: Username
  readonly secondary?: Username | undefined
  /** Left out: one is generated. */
  readonly password?: Secret | undefined
  /** The password goes to the person who has claimed the credential. */
  readonly samePerson?: boolean | undefined
  /** Refuses a user name that does not exist. */
  readonly existing?: boolean | undefined
}

export interface SetCredential {
  readonly result: 'added' | 'reset'
  readonly enabled: boolean
  readonly password: Secret
  /** What the operator has to know: sentences. */
  readonly notes: readonly string[]
}

/** Adds a credential or resets its password. Throws `Failure` if it cannot. */
export async function setCredential(
  tools: Tools,
  actor: string,
  wanted: WantedCredential,
  publicUrl: string,
): Promise<SetCredential> {
  const { registry, store } = tools
  const { password, advice, ...proof } =
    wanted.password === undefined ? generate(tools) : await chosen(tools, wanted, wanted.password, publicUrl)
  const { scope, user: username, secondary, samePerson } = wanted
  // Looked up before the change: after it, nothing may fail before the result is told.
  const { current } = await store.credentials.find(scope, undefined, username)
  const { grant } = current ? await store.grants.ofSubject(scope, current.subject) : {}
  const actsAs = grant && !grant.ended ? (grant.username ?? 'its owner') : undefined
  const credential = {
    username,
    ...proof,
    ...(secondary !== undefined && { secondary }),
    ...(samePerson && { samePerson }),
  }
  await insist(
    wanted.existing
      ? registry.resetCredential(actor, scope, credential)
      : registry.setCredential(actor, scope, credential),
  )
  const enabled = current?.enabled ?? !(await isBlockedName(registry, username))
  const notes = [...(actsAs === undefined ? [] : [actsAsText(wanted, actsAs)]), ...advice]
  return { result: current === undefined ? 'added' : 'reset', enabled, password, notes }
}

/** User names pass from one person to another, but what a sign-in gave stays with the person who signed in. */
function actsAsText({ scope, user, samePerson }: WantedCredential, actsAs: string): string {
  if (samePerson)
    return `Note: requests with this password reach upstreams as ${actsAs}, who signed in on the page. If the user name has passed to another person, do not give the password to that person, but switch the credential of ${user} in scope ${scope} off.`
  return `Note: requests with the former password reached upstreams as ${actsAs}, who signed in on the page. With this one they do so after that user has signed in there and entered it once, or at once if it is set for the same person. If the user name has passed to another person, they never do.`
}

/** A new password, what the store keeps of it, and what is to be said about it once it is set. */
type Proved = Pick<NewCredential, 'hash' | 'generated'> & {
  readonly password: Secret
  readonly advice: readonly string[]
}

function generate({ generated }: Pick<Tools, 'generated'>): Proved {
  const { password, id, mac } = generated.make()
  return { password, hash: noPassword, generated: { id, mac }, advice: [] }
}

/** Operators may set a weak password after a warning, but none that falls at once or could never work. */
async function chosen(
  { generated, hasher, registry }: Tools,
  { scope, user, secondary }: WantedCredential,
  password: Secret,
  publicUrl: string,
): Promise<Proved> {
  const usernames = secondary === undefined ? [user] : [user, secondary]
  const owner = { usernames, places: await placesIn(scope, registry), publicUrl }
  const flaw = await passwordFlaw(password, owner, generated)
  if (flaw !== undefined && flaw.degree !== 'weak')
    throw new Failure(`${flawText(flaw)} Nothing was changed.`)
  const hash = await hasher.hash(password)
  if (hash === 'busy') throw new Busy()
  const warnings = flaw === undefined ? [] : [`Warning: ${flawText(flaw)}`]
  return { password, hash, advice: [...warnings, ...passwordAdvice(password)] }
}

/** The queue of password hashes is full. */
export class Busy extends Failure {
  constructor() {
    super('Too many passwords are being hashed. Nothing was changed; try again.')
  }
}

/** The names of the directory and of its accounts. Those on Microsoft accounts have nothing in common. */
async function placesIn(scope: Scope, registry: Tools['registry']): Promise<readonly string[]> {
  if (scope === msaScope) return []
  const directory = (await registry.directories()).find(({ id }) => (id as string) === scope)
  return [...(directory ? [directory.name] : []), ...(await registry.accountsIn(scope))]
}

/** Whether a new credential of this name is made switched off. It has been made: nothing may fail any more. */
async function isBlockedName(registry: Tools['registry'], username: Username): Promise<boolean> {
  return (await registry.blockedNames().catch((): readonly Username[] => [])).includes(username)
}

/**
 * Removes a credential with all that belongs to it. Resolves with what its identity provider said about the sign-in;
 * `undefined`: there was none.
 */
export async function removeCredential(
  { registry, grants }: Pick<Tools, 'registry' | 'grants'>,
  actor: string,
  { scope, username, owner }: CredentialRecord,
): Promise<Revocation | undefined> {
  // First, so that its provider is told; what it gave is then gone, whatever happens to the rest.
  const revocation =
    owner === undefined ? undefined : await grants.end(actor, { scope, owner }, 'signed-out').catch(notMade)
  const removal = () => insist(registry.removeCredential(actor, scope, username))
  await (revocation === undefined
    ? removal()
    : inPart('The sign-in has ended, and the credential is still there. Do it again.', removal))
  return revocation
}

/** The links of a user that can be ended. Throws `Failure` if there are none. */
export function linksOf({ record, linked }: Shown, other: Scope | undefined): Shown['linked'] {
  const meant = linked.filter(each => other === undefined || each.scope === other)
  if (record.owner === undefined || meant.length === 0)
    throw new Failure(`${record.username} has no such link. Nothing was changed.`)
  return meant
}

/** Ends the links of a user to the other scope, or all. Throws `Failure` if there are none. */
export async function unlink(
  { registry }: Pick<Tools, 'registry'>,
  actor: string,
  shown: Shown,
  other: Scope | undefined,
): Promise<Shown['linked']> {
  const meant = linksOf(shown, other)
  const { scope, owner } = shown.record
  if (owner !== undefined) await insist(registry.unlink(actor, { scope, owner }, other))
  return meant
}
