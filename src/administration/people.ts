import type { Scope, Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { CredentialRecord, Registry } from '../gateway/registry.ts'
import { NotMade, notMade, Refused } from './problems.ts'

/**
 * Blocks a person in every scope, or ends that. Throws `Refused`, and `NotMade` with the scopes that are done: there is one
 * change for each.
 */
export async function blockPerson(
  registry: Pick<Registry, 'blockPerson'>,
  actor: string,
  user: Username,
  blocked: boolean,
): Promise<void> {
  const done: Scope[] = []
  const problem = await registry
    .blockPerson(actor, user, blocked, scope => done.push(scope))
    .catch((error: unknown) => {
      if (error instanceof InDoubt || !(error instanceof Outage)) throw error
      if (done.length === 0) throw new NotMade(error)
      throw new NotMade(error, `Done so far: scope ${done.join(', ')}. Do it again.`)
    })
  if (problem !== undefined) throw new Refused(problem)
}

/** Ends the sessions of a person on the page, or all. Resolves with their number. Throws `NotMade`. */
export async function revokeSessions(
  registry: Pick<Registry, 'revokeSessions' | 'person'>,
  actor: string,
  user: Username | undefined,
  scope: Scope | undefined,
): Promise<number> {
  const meant = user === undefined ? 'all' : await whose(registry, user, scope)
  return await registry.revokeSessions(actor, meant).catch(notMade)
}

async function whose(registry: Pick<Registry, 'person'>, username: Username, scope: Scope | undefined) {
  const credentials = await registry.person(username)
  const people = credentials.flatMap(each =>
    each.owner === undefined || (scope !== undefined && each.scope !== scope)
      ? []
      : [{ scope: each.scope, owner: each.owner }],
  )
  return { people, username, ...(scope !== undefined && { scope }) }
}

/** Whether a credential is on, and who has switched it off. */
export function stateOf({ enabled, disabledBy = [] }: CredentialRecord): string {
  return enabled ? 'on' : `off (${disabledBy.map(each => switchers[each]).join(', ')})`
}

const switchers: Readonly<Record<NonNullable<CredentialRecord['disabledBy']>[number], string>> = {
  operator: 'by an operator',
  owner: 'by its user',
  liveness: 'the directory refused its user',
  unknown: 'reason unknown',
}
