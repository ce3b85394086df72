import { randomBytes } from 'node:crypto'
import type { Claims } from '../../common/authorities.ts'
import type { Instant, Owner, Scope, Username } from '../../gateway/names.ts'
import type { SessionStore } from '../../gateway/ports.ts'
import type { Registry } from '../../gateway/registry.ts'
import { hashed } from '../session.ts'

/** A user or a group of a directory that may use the console: the settings `admin.people`. */
export interface NamedPerson {
  readonly directory: string
  readonly oid?: string
  readonly group?: string
}

/** A user of the console, as the sign-in showed them. */
export interface Helper {
  readonly csrf: string
  /** One. A list, as sessions of the page have it, so that `session revoke` ends these sessions as well. */
  readonly identities: readonly [HelperIdentity]
  /** Groups of the settings that the user is a member of. */
  readonly groups: readonly string[]
}

interface HelperIdentity {
  readonly scope: Scope
  readonly owner: Owner
  readonly username?: Username
  readonly at: Instant
}

/** Whether the settings in force name the user. */
export function isNamed(
  people: readonly NamedPerson[],
  { identities: [{ scope, owner }], groups }: Pick<Helper, 'identities' | 'groups'>,
): boolean {
  return people.some(
    ({ directory, oid, group }) =>
      directory === scope && (oid === owner || (group !== undefined && groups.includes(group))),
  )
}

/** Which of the named groups a token says the user is in. */
export function groupsIn({ groups }: Claims, people: readonly NamedPerson[]): readonly string[] {
  if (!Array.isArray(groups)) return []
  const named = new Set(people.flatMap(({ group }) => group ?? []))
  return groups.filter((each: unknown) => typeof each === 'string' && named.has(each))
}

/** Whether the user has so many groups that the directory left them out of the token (Entra ID: more than 200). */
export function hasTooManyGroups({ _claim_names: names, hasgroups }: Claims): boolean {
  return hasgroups === true || (typeof names === 'object' && names !== null && 'groups' in names)
}

/** The name under which changes of a helper are in the history. Two directories may have users of one name. */
export function actorOf({ identities: [{ scope, username, owner }] }: Helper): string {
  return `console:${scope}/${username ?? owner}`
}

/** Whether an operator has blocked the user in all scopes, under the name of the sign-in or of the user's credential. */
export async function isBlockedHelper(
  registry: Pick<Registry, 'blockedNames' | 'ownCredential'>,
  { identities: [{ scope, owner, username }] }: Pick<Helper, 'identities'>,
): Promise<boolean> {
  const blocked = await registry.blockedNames()
  if (blocked.length === 0) return false
  const own = await registry.ownCredential(scope, owner)
  const names = [username, own?.username, own?.secondary]
  return names.some(name => name !== undefined && blocked.includes(name))
}

/** Sessions of the console. No session of the page is one. All throw `Outage`. */
export interface HelperSessions {
  find(id: string | undefined): Promise<Helper | undefined>
  /** Ends the session with the id `before`. Returns the new id. */
  start(before: string | undefined, helper: Omit<Helper, 'csrf'>): Promise<string>
  end(id: string | undefined): Promise<void>
}

/** `life`: milliseconds after which a helper has to sign in again, which also says anew which groups they are in. */
export function createHelperSessions(store: SessionStore, life: number, now: () => Instant): HelperSessions {
  async function end(id: string | undefined): Promise<void> {
    if (id !== undefined) await store.delete(hashed('console', id))
  }

  return {
    end,
    async find(id) {
      const text = id === undefined ? undefined : await store.get(hashed('console', id))
      if (text === undefined) return undefined
      const helper = JSON.parse(text) as Helper // only `start` below writes under these names
      return helper.identities[0].at + life > now() ? helper : undefined
    },
    async start(before, helper) {
      const id = newId()
      await store.set(hashed('console', id), JSON.stringify({ csrf: newId(), ...helper }), now() + life)
      await end(before) // it may be known to an attacker (session fixation)
      return id
    },
  }
}

function newId(): string {
  return randomBytes(32).toString('base64url')
}
