import type { Command } from 'commander'
import {
  explain,
  type Explained,
  explainedJson,
  explainReference,
  referenceJson,
  refusalReasons,
} from '../administration/explanation.ts'
import { passwordText } from '../administration/passwords.ts'
import type { Refused } from '../gateway/decision.ts'
import type { AccountName, Username } from '../gateway/names.ts'
import type { Refusal } from '../gateway/ports.ts'
import { accountName, anyName, reference } from './arguments.ts'
import { examples, refusePassword } from './help.ts'
import { askPassword } from './password.ts'
import { moment, say, sayJson, sayLabelled, strong } from './say.ts'
import type { Toolbox } from './tools.ts'

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
      'print a JSON object: account, user, stations (station, found), outcome, answer (status, headers, body); with --reference: happened (as "recent"), passwords (those of the name that was presented, as "credential password list"), now (the same as above, if the user is known)',
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
        return await sayReference(options.reference, json, toolbox)
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

/** What happened to a request, and what the gateway knows now of the account and the user that it was for. */
async function sayReference(id: string, json: true | undefined, toolbox: Toolbox): Promise<void> {
  await toolbox.use(async (tools, settings) => {
    const explained = await explainReference(tools, settings, id)
    const { refusal, passwords, now } = explained
    if (json) return sayJson(referenceJson(explained))
    sayRefusal(refusal)
    if (passwords !== undefined) {
      say('')
      say(strong('Now, of the passwords with that name:'))
      for (const each of passwords) say(passwordText(each))
      if (passwords.length === 0) say('There is none.')
    }
    if (now === undefined) return
    say('')
    say(strong(passwords === undefined ? 'Now, if the password is right:' : 'Now, with any that works:'))
    sayWalk(now)
  })
}

function sayRefusal({ at, outcome, cause, account, scope, user, passwordName, ...rest }: Refusal): void {
  const { from, tool, method, kind } = rest
  const why =
    outcome === 'refused' && cause !== undefined && cause in refusalReasons
      ? refusalReasons[cause as Refused['cause']]
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
  for (const [name, text] of lines) if (text !== undefined) sayLabelled(`${name.padEnd(9)}  `, text)
}

function sayWalk({ stations, decision: { outcome }, seen }: Explained): void {
  let last = ''
  for (const { station, found } of stations) {
    sayLabelled(`${(station === last ? '' : station).padEnd(11)} `, found)
    last = station
  }
  say('')
  if ('forwardedTo' in seen) return say(strong(`${outcome}: forwarded to ${seen.forwardedTo}`))
  say(strong(`${outcome}: the client gets ${seen.status}`))
  for (const line of seen.body.trimEnd().split('\n')) say(`  ${line}`)
}
