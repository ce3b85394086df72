import { upstreamAuthOf } from '../administration/accounts.ts'
import { type Authority, authorityFor, type NoAuthority } from '../common/authorities.ts'
import { countByKey } from '../delegation/rotation.ts'
import type { Watch } from '../delegation/watch.ts'
import { type Connection, scopeOf } from '../gateway/account.ts'
import { msaScope, type AccountName, type Scope } from '../gateway/names.ts'
import type { AccountRecord, Directory } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { type Finding, probe, timeoutMs } from './finding.ts'
import { signIns } from '../administration/sign-ins.ts'
import type { Tools } from './tools.ts'

/** Whether users can sign in, and sign-ins can be kept, and renewed where requests act as their users or users are checked. */
export async function* signInFindings(settings: Settings, tools: Tools): AsyncGenerator<Finding> {
  const { registry, store } = tools
  const { sealingKeys } = settings.secrets
  if (sealingKeys.length > 0) yield await sealingFinding(settings, store.grants)
  const read = Promise.all([registry.accounts(), registry.directories()])
  // `accounts` reports a store that does not answer.
  const [accounts, directories] = await read.catch(() => [[], []] as const)
  for (const each of wantedOf(settings, accounts, directories)) yield await providerFinding(each)
  // The id of a directory is its scope.
  for (const scope of [msaScope, ...directories.map(({ id }) => id as string as Scope)])
    yield* watchFinding(scope, tools)
}

/** Says plainly of how many credentials it would not be noticed that their users have left. No fault: it is a choice. */
async function* watchFinding(scope: Scope, { registry, store, watch }: Tools): AsyncGenerator<Finding> {
  let count = 0
  const finding = await probe('liveness', async () => {
    const on = (await registry.credentials(scope)).filter(({ enabled }) => enabled)
    count = on.length
    const grants = new Map((await signIns(store.grants, scope)).map(each => [each.owner, each]))
    const watches = on.map(each => watch(each, each.owner === undefined ? undefined : grants.get(each.owner)))
    return watchesText(scope, watches)
  })
  if (count > 0 || !finding.ok) yield finding
}

function watchesText(scope: Scope, watches: readonly Watch[]): string {
  const unwatched = watches.filter(each => !each.watched)
  if (unwatched.length === 0)
    return `scope ${scope}: the users of all ${watches.length} credentials are checked`
  const ofAll = `scope ${scope}: ${unwatched.length} of ${watches.length} credentials`
  if (unwatched.every(({ because }) => because === 'not-set'))
    return `${ofAll} keep working when their users leave: signIn has no liveness for this scope`
  const ending = unwatched.filter(({ until }) => until !== undefined)
  const due = ending.filter(({ until = Infinity }) => until <= Date.now()).length
  const left = unwatched.length - ending.length
  return [
    `${ofAll} belong to users who cannot be checked`,
    ...(left > 0 ? [`${left} keep working when their users leave`] : []),
    ...(ending.length > 0 ? [`${ending.length} end without a sign-in, ${due} of them now`] : []),
    `see altgate credential list --scope ${scope} --json`,
  ].join('; ')
}

/** A key that is missing is fatal for the users whose sign-ins it seals. */
async function sealingFinding({ secrets }: Settings, grants: Tools['store']['grants']): Promise<Finding> {
  const ids = secrets.sealingKeys.map(({ id }) => id)
  return await probe('sealing', async () => {
    const counts = await countByKey(grants)
    const missing = [...counts.keys()].filter(id => !ids.includes(id))
    if (missing.length > 0)
      throw new Error(
        `secrets.sealingKeys does not have ${missing.join(', ')}, which seals sign-ins: see altgate keys list`,
      )
    const others = ids.slice(1)
    return `${ids[0]} seals${others.length > 0 ? `; ${others.join(', ')} opens` : ''}`
  })
}

/** A scope whose sign-ins the gateway has to renew. */
interface Wanted {
  readonly authority: Authority | NoAuthority
  /** One of the accounts that act as their users. */
  readonly account?: AccountName
  /** What they act with. */
  readonly upstreamScope?: string
}

function wantedOf(
  settings: Settings,
  accounts: readonly AccountRecord[],
  directories: readonly Directory[],
): readonly Wanted[] {
  const { signIn } = settings
  const wanted = new Map<Scope, Wanted>()
  for (const account of accounts) {
    const { name, connection } = account
    const method = upstreamAuthOf(account, settings)
    if (method?.method !== 'delegated') continue
    const authority = authorityFor(connection, signIn, directories)
    wanted.set(scopeOf(connection), { authority, account: name, upstreamScope: method.scope })
  }
  const connections: readonly Connection[] = [
    { kind: 'msa' },
    ...directories.map(({ id, name }) => ({ kind: 'entra', directoryId: id, directoryName: name }) as const),
  ]
  for (const connection of connections) {
    const authority = authorityFor(connection, signIn, directories)
    const scope = scopeOf(connection)
    // A wrong client secret fails the page as well, where no request acts as its user.
    if ('issuer' in authority && !wanted.has(scope)) wanted.set(scope, { authority })
  }
  return [...wanted.values()]
}

async function providerFinding({ authority, account, upstreamScope }: Wanted): Promise<Finding> {
  const part = 'sign-in'
  if ('setting' in authority)
    return {
      part,
      ok: false,
      sentence: `${account} acts as its users, but they cannot sign in: ${authority.setting} is missing`,
    }
  let ok = true
  const found = await probe(part, async () => {
    const { probeProvider } = await import('../delegation/probe.ts')
    const timeoutSeconds = timeoutMs / 1000
    const probed = await probeProvider(authority.issuer, authority, { upstreamScope, timeoutSeconds })
    ok = probed.ok
    return probed.sentence
  })
  return { ...found, ok: found.ok && ok }
}
