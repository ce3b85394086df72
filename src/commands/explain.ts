import type { Command } from 'commander'
import { answer } from '../answers/answer.ts'
import { type Account, scopeOf } from '../gateway/account.ts'
import type { AttemptKeys } from '../gateway/attempt.ts'
import { RequestHeaders } from '../gateway/ask.ts'
import { decodeBasic } from '../gateway/credential.ts'
import { type Allow, type Decision, type Over, type Refused, unreachable } from '../gateway/decision.ts'
import type { Delegation, SignInCause } from '../gateway/delegation.ts'
import { createGateway } from '../gateway/gateway.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { AccountName, Scope, Username } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import {
  type AccountDirectory,
  algorithmOf,
  type CredentialStore,
  type FoundCredentials,
  isDecoy,
  type PasswordHasher,
  type StoredCredential,
} from '../gateway/ports.ts'
import { Secret } from '../gateway/secret.ts'
import { createVerifier } from '../gateway/verifier.ts'
import type { Settings } from '../settings/schema.ts'
import { connectionText } from './account.ts'
import { accountName, anyName, destinationOf } from './arguments.ts'
import { type DelegationPorts, lookingDelegation } from './delegation-station.ts'
import { examples, refusePassword } from './help.ts'
import { askPassword } from './password.ts'
import { moment, say, sayJson, strong } from './say.ts'
import type { Toolbox } from './tools.ts'

const about = `
Follows a request over https through the gateway's own code, without its caches,
and changes nothing. Type the password at a hidden prompt, or give it as the
first line of standard input. Exit code 0 whatever the decision is, 1 if a
required part is down.`

/** `altgate explain`. */
export function addExplainCommand(program: Command, toolbox: Toolbox): void {
  refusePassword(program.command('explain'))
    .description('show what the gateway would decide, step by step, and why')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option(
      '--json',
      'print a JSON object: account, user, stations (station, found), outcome, answer (status, headers, body)',
    )
    .addHelpText('after', about)
    .addHelpText('after', examples('explain --account fabrikam --user anna@example.com'))
    .action(
      async ({
        account: name,
        user: username,
        json,
      }: {
        account: AccountName
        user: Username
        json?: true
      }) => {
        toolbox.settings()
        const password = await askPassword()
        await toolbox.use(async ({ store, hasher, generated, keys, delegation }, settings) => {
          const { accounts, credentials } = store
          const ports = { accounts, credentials, hasher, generated, keys, delegation }
          const { stations, decision, outage } = await walk({ name, username, password }, ports, settings)
          const all = [...stations, { station: 'decide', found: reasonOf(decision) } as const]
          const seen = seenBy(decision, settings)
          if (json)
            sayJson({ account: name, user: username, stations: all, outcome: decision.outcome, answer: seen })
          else sayWalk(all, decision, seen)
          if (outage !== undefined) throw outage
        })
      },
    )
}

/** What a client gets: our own answer, or where the request goes. */
type Seen = { readonly status: number; readonly body: string } | { readonly forwardedTo: string }

function seenBy(decision: Decision, settings: Settings): Seen {
  const { publicUrl, accounts } = settings
  const ending = decision.outcome === 'allow' ? destinationOf(decision.account, settings) : decision
  if (typeof ending === 'string') return { forwardedTo: `${ending}...` }
  return answer(ending, { requestId: 'explain', publicUrl, naming: accounts.naming })
}

function sayWalk(stations: readonly Station[], { outcome }: Decision, seen: Seen): void {
  let last = ''
  for (const { station, found } of stations) {
    say(`${(station === last ? '' : station).padEnd(11)} ${found}`)
    last = station
  }
  say('')
  if ('forwardedTo' in seen) return say(strong(`${outcome}: forwarded to ${seen.forwardedTo}`))
  say(strong(`${outcome}: the client gets ${seen.status}`))
  for (const line of seen.body.trimEnd().split('\n')) say(`  ${line}`)
}

/** The reason for the operator, which says more than the client is told. */
function reasonOf(decision: Decision): string {
  switch (decision.outcome) {
    case 'allow':
      return allowed(decision)
    case 'reset-needed':
      return `the password is right, but counts in scope ${decision.former}, which the account has left`
    case 'sign-in-needed':
      return `the password is right, but ${signInCauses[decision.cause]}`
    case 'expired':
      return `the password is right, but ${overs[decision.cause]} ${moment(decision.at)}`
    case 'read-only':
      return 'the password is right, but it is read-only, and the request may write'
    case 'disabled':
      return 'the password is right, but the credential is switched off'
    case 'refused':
      return refusals[decision.cause]
    case 'no-account':
      return 'there is no such account'
    case 'garbled':
      return 'the credential cannot be read'
    case 'challenge':
      return 'no credential was presented'
    case 'busy':
      return 'too many hashes are waiting'
    case 'throttled':
      return 'too many attempts'
    case 'unavailable':
      return `a part is down: ${decision.part}`
    case 'unclear-target':
      return `the address can be read in two ways: ${decision.flaw}`
    case 'not-allowed':
      return decision.cause === 'plain-http'
        ? 'plain http is refused'
        : 'the password is right, but the account is restricted to members, and this user is not one'
    default:
      return unreachable(decision)
  }
}

function allowed({ username, scope, bridgedUntil }: Allow): string {
  const right = `the password of ${username} is right in scope ${scope}`
  if (bridgedUntil === undefined) return right
  return `${right}, which the account has left; it counts until ${moment(bridgedUntil)}, because the move is bridged`
}

const overs: Readonly<Record<Over['cause'], string>> = {
  'past-its-end': 'it ended on',
  replaced: 'it was replaced on',
  revoked: 'it was revoked on',
}

const signInCauses: Readonly<Record<SignInCause, string>> = {
  'no-grant': 'the user has not signed in on the page for this scope, so nothing can act as the user',
  ended: 'the sign-in has ended: the provider refused to renew it, or the user was signed out',
  'sealed-otherwise': 'none of secrets.sealingKeys opens what the sign-in gave',
  claims: 'the upstream demanded a new sign-in (a claims challenge)',
}

const refusals: Readonly<Record<Refused['cause'], string>> = {
  absent: 'there is no such user name',
  mismatch: 'the password is wrong',
  forged: 'the password begins with agp_, but Altgate did not generate it',
}

/** The result of one attempt, step by step. */
interface Walk {
  readonly stations: readonly Station[]
  readonly decision: Decision
  /** The part that failed on the way, if one did. */
  readonly outage: Outage | undefined
}

interface Presented {
  readonly name: AccountName
  readonly username: Username
  readonly password: Secret
}

/** Sends one attempt through the gateway's own code, past all caches, and notes what each port answers. */
export async function walk(
  { name, username, password }: Presented,
  { keys, ...ports }: Ports & { readonly keys: AttemptKeys },
  { accounts: { naming } }: Settings,
): Promise<Walk> {
  const stations: Station[] = []
  const header = new Secret(`Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`)
  stations.push({ station: 'decode', found: decoded(header) }, { station: 'account', found: name })

  let outage: Outage | undefined
  const { accounts, credentials, hasher, generated, delegation } = listen(ports, station =>
    stations.push(station),
  )
  const gateway = createGateway({
    naming,
    httpsOnly: false,
    news: { catchUp: () => undefined },
    accounts,
    keys,
    verifier: createVerifier({
      credentials,
      // Shows what the store says now, and leaves nothing behind.
      verdicts: { recall: () => undefined, remember: () => undefined },
      hasher,
      decoys: { like: async () => 'decoy' },
      generated,
      // The operator was asked for the password and is not guessing.
      throttle: {
        admit: async () => ({ absolve() {}, welcome() {} }),
        again: () => undefined,
        recognise() {},
      },
      upgradeFailed: () => undefined,
      provedInPart: () => undefined,
    }),
    writes: () => false,
    delegation,
    outage: broken => {
      outage = broken
    },
  })

  const decision = await gateway.decide({
    id: 'explain',
    method: 'GET',
    target: naming.by === 'path' ? `/${name}/` : '/',
    headers: new RequestHeaders([]),
    host: naming.by === 'path' ? 'localhost' : `${name}${naming.suffix}`,
    authorization: [header],
    from: '127.0.0.1',
    secure: true,
    lane: 'production',
  })
  return { stations, decision, outage }
}

function decoded(header: Secret): string {
  const read = decodeBasic([header])
  if (typeof read === 'string') return `HTTP Basic cannot carry it: ${read}`
  return `HTTP Basic with the user name ${read.username} and a password`
}

/** One step towards a decision, and what was found there. */
interface Station {
  readonly station: 'decode' | 'account' | 'connection' | 'scope' | 'verify' | 'delegation' | 'decide'
  readonly found: string
}

/** The ports that a decision asks. */
interface Ports {
  readonly accounts: AccountDirectory
  readonly credentials: CredentialStore
  readonly hasher: PasswordHasher
  readonly generated: Omit<GeneratedPasswords, 'make'>
  readonly delegation: DelegationPorts
}

/** The same ports, reporting what they answer. They change nothing: no hash is renewed. */
function listen(
  { accounts, credentials, hasher, generated, delegation }: Ports,
  tell: (station: Station) => void,
): Omit<Ports, 'delegation'> & { readonly delegation: Pick<Delegation, 'tokenFor'> } {
  return {
    delegation: lookingDelegation(delegation, found => tell({ station: 'delegation', found })),
    accounts: {
      async find(name) {
        const account = await accounts.find(name)
        tell({ station: 'connection', found: account ? connectionOf(account) : 'there is no such account' })
        if (account) tell({ station: 'scope', found: scopesOf(account) })
        if (account?.members) tell({ station: 'scope', found: 'the account is restricted to members' })
        return account
      },
      async confirm(name) {
        const account = await accounts.confirm(name)
        const now = account ? connectionOf(account) : 'there is no such account'
        tell({ station: 'connection', found: `checked again before the refusal: ${now}` })
        return account
      },
    },
    credentials: {
      async find(scope, former, username, password) {
        const found = await credentials.find(scope, former, username, password)
        tell({ station: 'verify', found: `in scope ${scope}: ${credentialText(found.current)}` })
        if (former !== undefined) tell({ station: 'verify', found: formerText(former, found.former) })
        if (password !== undefined) tell({ station: 'verify', found: generatedText(found) })
        if (found.linked) tell({ station: 'verify', found: `linked to a user of scope ${scope}` })
        return found
      },
      upgrade: async () => undefined,
      turn: async () => undefined,
    },
    hasher: {
      ...hasher,
      async compare(attempt, against) {
        const compared = await hasher.compare(attempt, against)
        const which = isDecoy(against)
          ? 'a decoy, which takes as long as a real hash'
          : `the ${algorithmOf(against)} hash`
        tell({ station: 'verify', found: `compared with ${which}: ${compared}` })
        return compared
      },
      outdated: () => false,
    },
    generated: {
      ...generated,
      isForged(password) {
        const forged = generated.isForged(password)
        if (forged)
          tell({
            station: 'verify',
            found: 'begins with agp_, but its checksum is wrong: nothing is looked up',
          })
        return forged
      },
    },
  }
}

function connectionOf({ connection, former }: Account): string {
  const before = former && `; until ${moment(former.leftAt)} with ${connectionText(former.connection)}`
  return `signs in with ${connectionText(connection)}${before ?? ''}`
}

function scopesOf({ connection, former }: Account): string {
  const scope = scopeOf(connection)
  const left = former && scopeOf(former.connection)
  const before = left === undefined || left === scope ? '' : `; credentials of ${left} get "reset needed"`
  return `credentials of ${scope} count${before}`
}

function formerText(scope: Scope, credential: StoredCredential | undefined): string {
  return `in scope ${scope}, which the account has left: ${credentialText(credential)}`
}

/** What was found by the public part of a generated password. */
function generatedText({ current, former }: FoundCredentials): string {
  const stored = current?.generated ?? former?.generated
  if (stored === undefined) return 'a generated password that is none of this user name'
  const which = stored.name === undefined ? 'the generated password' : `the password "${stored.name}"`
  return `${which} of this user name: compared with its keyed hash`
}

function credentialText(credential: StoredCredential | undefined): string {
  if (credential === undefined) return 'there is no such user name'
  const { username, enabled, hash } = credential
  return `${username}, ${enabled ? 'on' : 'off'}, ${algorithmOf(hash)}`
}
