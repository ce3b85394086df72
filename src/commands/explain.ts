import type { Command } from 'commander'
import { answer } from '../answers/answer.ts'
import { Failure } from '../common/failure.ts'
import { type Allow, type Decision, type Over, type Refused, unreachable } from '../gateway/decision.ts'
import type { AccountName, Username } from '../gateway/names.ts'
import type { Refusal } from '../gateway/ports.ts'
import type { Settings } from '../settings/schema.ts'
import { accountName, anyName, destinationOf, reference } from './arguments.ts'
import { livenessOf, signInCauses } from './delegation-station.ts'
import { examples, refusePassword } from './help.ts'
import { askPassword } from './password.ts'
import { moment, say, sayJson, strong } from './say.ts'
import { refusalJson } from './recent.ts'
import type { Toolbox, Tools } from './tools.ts'
import { type Presented, type Walk, walk } from './walk.ts'

const about = `
Follows a request over https through the gateway's own code, without its caches,
and changes nothing. Type the password at a hidden prompt, or give it as the
first line of standard input. With --without-password, it is assumed to be the
right one: you see what the gateway knows, and what stands in the way besides
the password. Exit code 0 whatever the decision is, 1 if a required part is down.`

/** `altgate explain`. */
export function addExplainCommand(program: Command, toolbox: Toolbox): void {
  refusePassword(program.command('explain'))
    .description('show what the gateway would decide, step by step, and why')
    .option('--account <NAME>', 'the account', accountName)
    .option('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--without-password', 'ask for no password, and assume that the right one is presented')
    .option(
      '--reference <R>',
      'what happened to a request: the reference that its client was shown',
      reference,
    )
    .option(
      '--json',
      'print a JSON object: account, user, stations (station, found), outcome, answer (status, headers, body); with --reference: happened (as "recent"), now (the same as above, if the user is known)',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'explain --account fabrikam --user anna@example.com',
        'explain --account fabrikam --user anna@example.com --without-password',
        'explain --reference 3f0c9a1be27d4c5586aa01f2',
      ),
    )
    .action(async (options: Options, command: Command) => {
      const { account: name, user: username, withoutPassword, json } = options
      if (options.reference !== undefined) {
        if (name ?? username ?? withoutPassword)
          return command.error('error: --reference needs no other option', { exitCode: 2 })
        return await explainReference(options.reference, json, toolbox)
      }
      if (name === undefined || username === undefined)
        return command.error('error: say which: --account and --user, or --reference', { exitCode: 2 })
      toolbox.settings()
      const presented = { name, username, ...(!withoutPassword && { password: await askPassword() }) }
      await toolbox.use(async (tools, settings) => {
        const found = await explain(tools, settings, presented)
        if (json) sayJson(explainedJson(presented, found))
        else sayWalk(found)
        if (found.outage !== undefined) throw found.outage
      })
    })
}

interface Options {
  readonly account?: AccountName
  readonly user?: Username
  readonly withoutPassword?: true
  readonly reference?: string
  readonly json?: true
}

interface Explained extends Walk {
  readonly seen: Seen
}

async function explain(tools: Tools, settings: Settings, presented: Presented): Promise<Explained> {
  const { store, hasher, generated, keys, delegation } = tools
  const { accounts, credentials } = store
  const ports = { accounts, credentials, hasher, generated, keys, delegation }
  const { stations, decision, outage } = await walk(presented, ports, settings)
  const found = presented.password === undefined ? assumedReason(decision) : reasonOf(decision)
  return {
    stations: [...stations, ...(await livenessOf(decision, tools)), { station: 'decide', found }],
    decision,
    outage,
    seen: seenBy(decision, settings),
  }
}

function explainedJson({ name, username }: Presented, { stations, decision, seen }: Explained): object {
  return { account: name, user: username, stations, outcome: decision.outcome, answer: seen }
}

/** What happened to a request, and what the gateway knows now of the account and the user that it was for. */
async function explainReference(id: string, json: true | undefined, toolbox: Toolbox): Promise<void> {
  await toolbox.use(async (tools, settings) => {
    const refusal = await tools.store.refusals.find(id)
    if (refusal === undefined)
      throw new Failure(
        `No refusal with the reference ${id} was found. They are kept for ${settings.refusals.keepDays} days, some seconds after they happened, and the first 100 of each second.`,
      )
    const { account: name, user: username } = refusal
    const presented = name !== undefined && username !== undefined ? { name, username } : undefined
    const now = presented && (await explain(tools, settings, presented))
    if (json)
      return sayJson({
        happened: refusalJson(refusal),
        ...(presented && now && { now: explainedJson(presented, now) }),
      })
    sayRefusal(refusal)
    if (now === undefined) return
    say('')
    say(strong('Now, if the password is right:'))
    sayWalk(now)
  })
}

function sayRefusal({ at, outcome, cause, account, scope, user, passwordName, ...rest }: Refusal): void {
  const { from, tool, method, kind } = rest
  const why =
    outcome === 'refused' && cause !== undefined && cause in refusals
      ? refusals[cause as Refused['cause']]
      : cause
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['at', moment(at)],
    ['outcome', outcome],
    ['because', why],
    ['account', account],
    ['scope', scope],
    ['user', user ?? (outcome === 'refused' ? 'one that is unknown, and is not kept' : undefined)],
    ['password', passwordName],
    ['from', from],
    ['tool', tool],
    ['request', `${method}, ${kind}`],
  ]
  for (const [name, text] of lines) if (text !== undefined) say(`${name.padEnd(9)}  ${text}`)
}

/** What a client gets: our own answer, or where the request goes. */
type Seen = { readonly status: number; readonly body: string } | { readonly forwardedTo: string }

function seenBy(decision: Decision, settings: Settings): Seen {
  const { publicUrl, accounts } = settings
  const ending = decision.outcome === 'allow' ? destinationOf(decision.account, settings) : decision
  if (typeof ending === 'string') return { forwardedTo: `${ending}...` }
  return answer(ending, { requestId: 'explain', publicUrl, naming: accounts.naming })
}

function sayWalk({ stations, decision: { outcome }, seen }: Explained): void {
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

/** The reason where the password is only assumed to be right. */
function assumedReason(decision: Decision): string {
  if (decision.outcome !== 'refused') return `with the right password: ${reasonOf(decision)}`
  return decision.cause === 'absent'
    ? refusals.absent
    : 'no password was chosen: only the generated ones of this credential give access'
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

const refusals: Readonly<Record<Refused['cause'], string>> = {
  absent: 'there is no such user name',
  mismatch: 'the password is wrong',
  forged: 'the password begins with agp_, but Altgate did not generate it',
}
