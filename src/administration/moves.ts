import { scopeOf } from '../gateway/account.ts'
import { type AccountName, type DirectoryId, type Instant, msaScope, type Scope } from '../gateway/names.ts'
import type { AccountRecord, CredentialRecord, Registry } from '../gateway/registry.ts'
import { type AffectedUser, countStandings, type MoveReadiness } from './move-readiness.ts'
import { insist, known, Refused } from './problems.ts'

const hour = 60 * 60 * 1000

/** Moves an account. Resolves with the end of the bridge, if there is one. Throws `Refused` and `NotMade`. */
export async function applyMove(
  registry: Pick<Registry, 'connect' | 'disconnect'>,
  actor: string,
  {
    account,
    to,
    bridgeHours,
  }: { readonly account: AccountName; readonly to: Scope; readonly bridgeHours?: number | undefined },
): Promise<Instant | undefined> {
  const until = bridgeHours && Date.now() + bridgeHours * hour
  await insist(
    to === msaScope
      ? registry.disconnect(actor, account, until)
      : // A scope that is not `msa` is the id of a directory.
        registry.connect(actor, account, to as string as DirectoryId, until),
  )
  return until
}

type Plan = NonNullable<AccountRecord['planned']>

/**
 * Plans a move ahead, or changes its plan; without a target, the day alone. Resolves with the plan that is in force, and the
 * one before. Throws `Refused` and `NotMade`.
 */
export async function planMove(
  registry: Pick<Registry, 'account' | 'planMove'>,
  actor: string,
  {
    account,
    to,
    on,
  }: { readonly account: AccountName; readonly to?: Scope | undefined; readonly on: string },
): Promise<{ readonly planned: Plan | undefined; readonly before: Plan | undefined }> {
  const { planned: before } = await known(registry, account)
  const target = to ?? (before && scopeOf(before.to))
  if (target === undefined) throw new Refused({ problem: 'no-planned-move', name: account })
  await insist(registry.planMove(actor, account, target, on))
  const { planned } = await known(registry, account)
  return { planned, before }
}

type Entry = AccountRecord['history'][number]

/** The move that can be undone, and the credentials that were set in its scope since. Throws `Refused` if there is none. */
export async function lastMove(
  registry: Pick<Registry, 'account' | 'credentials'>,
  name: AccountName,
): Promise<{
  readonly before: Entry
  readonly last: Entry
  readonly meanwhile: readonly CredentialRecord[]
}> {
  const account = await known(registry, name)
  const [before, last] = account.history.slice(-2)
  if (before === undefined || last === undefined || last.undo)
    throw new Refused({ problem: 'nothing-to-undo', name })
  const all = await registry.credentials(scopeOf(account.connection))
  return { before, last, meanwhile: all.filter(({ setAt }) => setAt >= last.since) }
}

/** What to do before a move. `add`: how members are added. */
export function warnings(
  { account: { name }, to, membersThere }: MoveReadiness,
  add = `altgate account members ${name} --scope ${scopeOf(to)} --add USER...`,
): readonly string[] {
  if (membersThere === undefined) return []
  const scope = scopeOf(to)
  return [
    `${name} is restricted to members and has ${membersThere === 0 ? 'none' : membersThere} in scope ${scope}. Add them first: ${add}`,
  ]
}

/** `2 will break, 1 ready, ...`, the most important first. */
export function countsText(users: readonly AffectedUser[]): string {
  const { breaks, ready, unknown, off } = countStandings(users)
  return [
    `${breaks} will break`,
    `${ready} ready`,
    `${unknown} unknown`,
    ...(off > 0 ? [`${off} switched off`] : []),
  ].join(', ')
}
