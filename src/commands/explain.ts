import type { Command } from 'commander'
import { unreachable, type Allow, type Decision, type Refused } from '../gateway/decision.ts'
import type { AccountName, Username } from '../gateway/names.ts'
import { answer } from '../answers/answer.ts'
import type { Settings } from '../settings/schema.ts'
import { examples } from './help.ts'
import { askPassword } from './password.ts'
import { destinationOf } from './route.ts'
import { moment, say, sayJson, strong } from './say.ts'
import type { Toolbox } from './tools.ts'
import type { Station } from './stations.ts'
import { refusePassword } from './usage.ts'
import { walk } from './walk.ts'
import { accountName, anyName } from './words.ts'

const about = `
Goes the way of a request over https, through the gateway's own code but past
its caches, and changes nothing. The password is asked at a hidden prompt, or
read from the first line of standard input. Exit code 0 whatever the decision
is, 1 if a part that is needed is down.`

/** `altgate explain`. */
export function addExplainCommand(program: Command, toolbox: Toolbox): void {
  refusePassword(program.command('explain'))
    .description('what the gateway would decide, station by station, and why')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option(
      '--json',
      'an object: account, user, stations (station, found), outcome, answer (status, headers, body)',
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
        await toolbox.use(async ({ store, hasher, generated, keys }, settings) => {
          const ports = { accounts: store.accounts, credentials: store.credentials, hasher, generated, keys }
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
  if (decision.outcome === 'allow') return { forwardedTo: `${destinationOf(decision.account, settings)}...` }
  const { publicUrl, accounts } = settings
  return answer(decision, { requestId: 'explain', publicUrl, naming: accounts.naming })
}

function sayWalk(stations: readonly Station[], { outcome }: Decision, seen: Seen): void {
  let last = ''
  for (const { station, found } of stations) {
    say(`${(station === last ? '' : station).padEnd(11)} ${found}`)
    last = station
  }
  say('')
  if ('forwardedTo' in seen) return say(strong(`${outcome}: goes on to ${seen.forwardedTo}`))
  say(strong(`${outcome}: the client gets ${seen.status}`))
  for (const line of seen.body.trimEnd().split('\n')) say(`  ${line}`)
}

/** The audit log's reason: more than the client is told. */
function reasonOf(decision: Decision): string {
  switch (decision.outcome) {
    case 'allow':
      return allowed(decision)
    case 'reset-needed':
      return `the password is right, but counts in scope ${decision.former}, which the account has left`
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
        : 'the password is right, but the account lets in members only, and this is none'
    default:
      return unreachable(decision)
  }
}

function allowed({ username, scope, bridgedUntil }: Allow): string {
  const right = `the password of ${username} is right in scope ${scope}`
  if (bridgedUntil === undefined) return right
  return `${right}, which the account has left, and counts until ${moment(bridgedUntil)}: the move is bridged`
}

const refusals: Readonly<Record<Refused['cause'], string>> = {
  absent: 'nobody has that user name',
  mismatch: 'the password is wrong',
  forged: 'the password begins with agp_, but is not one that Altgate made',
}
