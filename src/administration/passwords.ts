import { Failure } from '../common/failure.ts'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { StoredCredential } from '../gateway/ports.ts'
import type { PasswordRecord } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { endOf, type PasswordLives } from '../passwords/named.ts'
import { primaryFault } from '../passwords/usernames.ts'
import { insist, Refused } from './problems.ts'
import { moment } from './times.ts'
import type { Tools } from './tools.ts'

/** The generated passwords of a credential, newest first. Throws `Refused` if there is no such credential. */
export async function passwordsOf(
  { registry, store }: Pick<Tools, 'registry' | 'store'>,
  scope: Scope,
  user: Username,
): Promise<readonly PasswordRecord[]> {
  const { current } = await store.credentials.find(scope, undefined, user)
  if (current === undefined) throw new Refused({ problem: 'no-such-credential', username: user, scope })
  return await registry.passwords(scope, user)
}

/** A generated password to add, or to replace the one of its name with. */
export interface WantedPassword {
  readonly scope: Scope
  readonly user: Username
  /** Left out: the day. */
  readonly name?: string | undefined
  /** A day, or `never`; left out: as the settings say. */
  readonly expires?: string | undefined
  readonly readOnly?: boolean | undefined
  readonly replace?: boolean | undefined
  /** Hours that the replaced one works for; it replaces, then. */
  readonly validOld?: number | undefined
}

export interface AddedPassword {
  readonly password: Secret
  readonly name: string
  readonly readOnly: boolean
  readonly endsAt: Instant | undefined
  readonly isReplacing: boolean
  readonly oldEndsAt: Instant | undefined
  /** The credential as it was before; `undefined`: it was made. */
  readonly current: StoredCredential | undefined
}

/** Throws `Failure` if it cannot be added. */
export async function addPassword(
  { registry, generated, store }: Pick<Tools, 'registry' | 'generated' | 'store'>,
  actor: string,
  { scope, user: username, readOnly = false, validOld, ...wanted }: WantedPassword,
  lives: PasswordLives,
): Promise<AddedPassword> {
  const end = endOf(wanted.expires, lives, Date.now())
  if ('fault' in end) throw new Failure(`${end.fault} Nothing was changed.`)
  const { maxGraceHours } = lives
  if (validOld !== undefined && validOld > maxGraceHours)
    throw new Failure(
      `A replaced password works for ${maxGraceHours} hours more at most (passwords.maxGraceHours). Nothing was changed.`,
    )
  const before = (await registry.passwords(scope, username)).filter(isPresent)
  const name = wanted.name ?? nameOfToday(before)
  const isReplacing = wanted.replace === true || validOld !== undefined
  const old = before.find(each => each.name === name)
  if (isReplacing && old === undefined)
    throw new Failure(`There is no password called ${name} to replace. Nothing was changed.`)

  // Looked up before the change: after it, nothing may fail before the result is told.
  const { current } = await store.credentials.find(scope, undefined, username)
  const fault = current === undefined ? primaryFault(username) : undefined
  if (fault !== undefined)
    throw new Failure(
      `There is no user name ${username} in scope ${scope}, and none can be made: ${fault}. Nothing was changed.`,
    )

  const { password, id, mac } = generated.make()
  const { endsAt } = end
  const graceMs = (validOld ?? 0) * 60 * 60 * 1000
  const added = {
    id,
    mac,
    name,
    readOnly,
    ...(endsAt !== undefined && { endsAt }),
    ...(isReplacing && { replacing: { graceMs } }),
  }
  await insist(registry.addPassword(actor, scope, { username }, added))
  return { password, name, readOnly, endsAt, isReplacing, oldEndsAt: old && endOfOld(old, graceMs), current }
}

/** When a replaced password ends: never later than it would have ended by itself. */
function endOfOld({ endsAt = Infinity }: PasswordRecord, graceMs: number): Instant {
  return Math.min(endsAt, Date.now() + graceMs)
}

/** Whether it counts and nothing has replaced it. */
function isPresent({ over, replacedAt }: PasswordRecord): boolean {
  return over === undefined && replacedAt === undefined
}

function nameOfToday(taken: readonly PasswordRecord[]): string {
  const today = new Date().toISOString().slice(0, 10)
  const names = new Set(taken.map(({ name }) => name))
  if (!names.has(today)) return today
  let count = 2
  while (names.has(`${today} (${count})`)) count += 1
  return `${today} (${count})`
}

/** Which generated passwords end: those with this name, the replaced one alone, or without a name all that have one. */
export interface MeantPasswords {
  readonly scope: Scope
  readonly user: Username
  readonly name?: string | undefined
  readonly old?: boolean | undefined
}

/** Resolves with those that have ended. Throws `Failure` if there are none. */
export async function revokePasswords(
  { registry }: Pick<Tools, 'registry'>,
  actor: string,
  { scope, user, name, old }: MeantPasswords,
): Promise<readonly PasswordRecord[]> {
  const isMeant = (each: PasswordRecord) =>
    each.over === undefined && (name === undefined ? each.name !== undefined : each.name === name)
  const before = (await registry.passwords(scope, user)).filter(isMeant)
  const replaced = before.find(({ replacedAt }) => replacedAt !== undefined)
  if (old && replaced === undefined)
    throw new Failure(
      `No replaced password called ${name} of ${user} in scope ${scope} still works. Nothing was changed.`,
    )
  const which = name === undefined ? 'all' : old && replaced ? { id: replaced.id } : { name }
  await insist(registry.revokePasswords(actor, scope, user, which))
  return old && replaced ? [replaced] : before
}

/** The row of a password in a table. */
export function passwordCells(each: PasswordRecord): readonly string[] {
  const { name, readOnly, setAt, endsAt, client } = each
  const called = `${name ?? '(main)'}${client === undefined ? '' : `, by ${client}`}`
  const ends = endsAt === undefined ? 'never' : moment(endsAt)
  return [called, stateText(each), readOnly ? 'read' : 'read, write', moment(setAt), ends, usedText(each)]
}

/** The same in a line of its own. */
export function passwordText(each: PasswordRecord): string {
  const [called, state, may, setAt, until, used] = passwordCells(each)
  const last = each.lastUsed === undefined ? 'not used yet' : `last used ${used}`
  const ends = each.endsAt === undefined ? 'never ends' : `ends ${until}`
  return `${called}, ${state}, ${may}, set ${setAt}, ${ends}, ${last}`
}

function stateText({ over, replacedAt }: PasswordRecord): string {
  if (over === undefined) return replacedAt === undefined ? 'works' : 'replaced, still works'
  return over.cause === 'past-its-end' ? 'ended' : `${over.cause} ${moment(over.at)}`
}

function usedText({ lastUsed }: PasswordRecord): string {
  if (lastUsed === undefined) return '-'
  const { at, from, tool } = lastUsed
  return `${moment(at)} from ${from}${tool === undefined ? '' : ` by ${tool}`}`
}
