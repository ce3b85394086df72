import type { Command } from 'commander'
import { insist } from '../administration/problems.ts'
import { isoTime } from '../administration/times.ts'
import { Failure } from '../common/failure.ts'
import type { TokenRecord, TokenScope } from '../gateway/api-token.ts'
import { endOf } from '../passwords/named.ts'
import { tokenName, tokenScope } from './arguments.ts'
import { examples } from './help.ts'
import { moment, note, say, sayChange, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox } from './tools.ts'

const about = `
With a token, a program does by the REST API at /_altgate/api/v1 what commands do:
all of it with the scope write, with read it can only look. The API is off unless
admin.api is set. The token is printed once and kept nowhere; its changes are in
the history as those of api:NAME.`

/** `altgate token`: who may use the API. */
export function addTokenCommands(program: Command, toolbox: Toolbox): void {
  const token = program
    .command('token')
    .description('tokens of the REST API')
    .addHelpText('after', about)
    .addHelpText('after', examples('token add helpdesk --scope read', 'token list', 'token revoke helpdesk'))
  addAdd(token, toolbox)
  addTokenList(token, toolbox)
  token
    .command('revoke')
    .description('revoke a token, in every running gateway at once')
    .argument('<NAME>', 'the token', tokenName)
    .option('--json', 'print a JSON object: result (revoked), name')
    .addHelpText('after', examples('token revoke helpdesk'))
    .action((name: string, { json }: { readonly json?: true }) =>
      toolbox.use(async ({ registry }) => {
        await insist(registry.revokeToken(actor(), name))
        sayChange(json, `The token ${name} was revoked, in every running gateway.`, {
          result: 'revoked',
          name,
        })
      }),
    )
}

interface Options {
  readonly scope: TokenScope
  readonly expires?: string
  readonly json?: true
}

function addAdd(token: Command, toolbox: Toolbox): void {
  token
    .command('add')
    .description('add a token and print it once')
    .argument('<NAME>', 'who it is for: 1 to 63 letters, digits, "-", "_" or "."', tokenName)
    .requiredOption('--scope <S>', 'read, or write', tokenScope)
    .option(
      '--expires <DAY>',
      'the last day on which it works (UTC), such as 2027-01-31, or never; default: in 365 days, or as passwords.defaultLifeDays says',
    )
    .option('--json', 'print a JSON object: name, scope, token, endsAt (if it has an end)')
    .addHelpText(
      'after',
      '\nThe settings passwords.maxLifeDays and passwords.allowEndless hold for tokens, too.',
    )
    .addHelpText(
      'after',
      examples(
        'token add helpdesk --scope read',
        'token add provisioning --scope write --expires 2027-01-31',
      ),
    )
    .action((name: string, { scope, expires, json }: Options) =>
      toolbox.use(async ({ registry, apiTokens }, settings) => {
        const end = endOf(expires, settings.passwords, Date.now())
        if ('fault' in end) throw new Failure(`${end.fault} Nothing was changed.`)
        const { endsAt } = end
        const { password: token, id, mac } = await apiTokens.make()
        const added = { name, scope, id, mac, ...(endsAt !== undefined && { endsAt }) }
        await insist(registry.addToken(actor(), added))
        const ends = endsAt === undefined ? undefined : isoTime(endsAt)
        if (json) return sayJson({ name, scope, token: token.reveal(), endsAt: ends })
        note(
          `The token ${name} was added. It ${endsAt === undefined ? 'has no end' : `works until ${moment(endsAt)}`}.`,
        )
        if (!settings.admin.api) note('The API is off: set admin.api to true.')
        note('It is shown only once:')
        say(token.reveal())
      }),
    )
}

function addTokenList(token: Command, toolbox: Toolbox): void {
  token
    .command('list')
    .description('list all tokens')
    .option('--json', 'print a JSON array of objects: name, scope, addedAt, actor, endsAt, lastUsedAt')
    .addHelpText('after', examples('token list', 'token list --json'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ apiTokens }) => {
        const all = await apiTokens.list()
        if (json) return sayJson(all.map(tokenJson))
        if (all.length === 0) return say('There are no tokens. Add one: altgate token add NAME --scope read')
        sayTable(['NAME', 'SCOPE', 'ADDED', 'BY', 'ENDS', 'LAST USED'], all.map(cells))
      }),
    )
}

function cells({ name, scope, addedAt, actor, endsAt, lastUsedAt }: TokenRecord): readonly string[] {
  const ended = endsAt !== undefined && endsAt <= Date.now() ? ' (ended)' : ''
  return [
    name,
    scope,
    moment(addedAt),
    actor,
    endsAt === undefined ? 'never' : moment(endsAt) + ended,
    lastUsedAt === undefined ? '-' : moment(lastUsedAt),
  ]
}

function tokenJson({ name, scope, addedAt, actor, endsAt, lastUsedAt }: TokenRecord): object {
  return {
    name,
    scope,
    addedAt: isoTime(addedAt),
    actor,
    ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }),
    ...(lastUsedAt !== undefined && { lastUsedAt: isoTime(lastUsedAt) }),
  }
}
