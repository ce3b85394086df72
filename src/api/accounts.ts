import { addressOf, connectionText, namedAuth, whereTo } from '../administration/accounts.ts'
import * as read from '../administration/given.ts'
import { readMoveReadiness } from '../administration/move-readiness.ts'
import { applyMove, lastMove, planMove, warnings } from '../administration/moves.ts'
import { insist, known } from '../administration/problems.ts'
import { moment } from '../administration/times.ts'
import { rehearsalJson, rehearseMove } from '../administration/rehearsal.ts'
import { accountJson, directoryJson, planJson } from '../administration/views.ts'
import { scopeOf } from '../gateway/account.ts'
import { Rejected } from './problems.ts'
import { afterName, page, type Route, usualLimit } from './routes.ts'
import { fields, object, optional, pageOf, shared } from './schemas.ts'
import { routeOf } from './sentences.ts'

const named = object({ name: fields.account })
const identified = object({ id: fields.directory })

/** Directories, accounts, their members and moves. */
export const accountRoutes: Readonly<Record<string, Route>> = {
  'GET /directories': {
    does: 'Lists the directories.',
    needs: 'read',
    query: optional({ limit: fields.limit, after: fields.after }),
    answer: pageOf('Directory'),
    act: async ({ tools, given }) => {
      const all = (await tools.registry.directories()).toSorted((one, other) => (one.id < other.id ? -1 : 1))
      return await page(
        given,
        afterName(all, ({ id }) => id),
        ({ id }) => id,
        directoryJson,
      )
    },
  },
  'POST /directories': {
    does: 'Adds a directory, whose users sign in at Microsoft Entra ID.',
    needs: 'write',
    body: object({ id: fields.directory, name: fields.name }),
    answer: shared('Done'),
    act: async ({ tools, given, actor }) => {
      const id = given.required('id', read.directoryId)
      const name = given.required('name', read.directoryName)
      await insist(tools.registry.addDirectory(actor, { id, name }))
      return { done: `Directory "${name}" (${id}) was added.` }
    },
  },
  'POST /directories/:id': {
    does: 'Changes the name of a directory; an issuer that is null is taken away.',
    needs: 'write',
    params: identified,
    // Another issuer would get the client secret and the refresh tokens of users, and a leaked token could name one.
    body: optional({ name: fields.name, issuer: { type: 'null' } }),
    answer: shared('Done'),
    act: async ({ tools, given, actor }) => {
      const id = given.required('id', read.directoryId)
      const name = given.optional('name', read.directoryName)
      const isTaken = given.isNull('issuer')
      if (name === undefined && !isTaken) throw nothingToChange('name or issuer')
      const changes = { ...(name !== undefined && { name }), ...(isTaken && { issuer: null }) }
      await insist(tools.registry.setDirectory(actor, id, changes))
      return { done: `Directory ${id} was changed, in every running gateway.` }
    },
  },
  'DELETE /directories/:id': {
    does: 'Removes a directory and all its credentials. Refused while accounts are connected to it.',
    needs: 'write',
    params: identified,
    answer: shared('Done'),
    act: async ({ tools, given, actor }) => {
      const id = given.required('id', read.directoryId)
      await insist(tools.registry.removeDirectory(actor, id))
      return { done: `Directory ${id} was removed, in every running gateway.` }
    },
  },
  'GET /accounts': {
    does: 'Lists the accounts.',
    needs: 'read',
    query: optional({ limit: fields.limit, after: fields.after }),
    answer: pageOf('Account'),
    act: async ({ tools, given, settings }) => {
      const all = (await tools.registry.accounts()).toSorted((one, other) => (one.name < other.name ? -1 : 1))
      return await page(
        given,
        afterName(all, ({ name }) => name),
        ({ name }) => name,
        record => accountJson(record, settings),
      )
    },
  },
  'POST /accounts': {
    does: 'Adds an account. Without a directory, it signs in with Microsoft accounts.',
    needs: 'write',
    body: object({ name: fields.account, upstream: fields.url, 'directory?': fields.directory }),
    answer: shared('Account'),
    act: async ({ tools: { registry }, given, actor, settings }) => {
      const name = given.required('name', read.accountName)
      const upstream = given.required('upstream', read.upstreamUrl)
      const directoryId = given.optional('directory', read.directoryId)
      await insist(
        registry.addAccount(actor, { name, upstream, ...(directoryId !== undefined && { directoryId }) }),
      )
      return accountJson(await known(registry, name), settings)
    },
  },
  'GET /accounts/:name': {
    does: 'Shows an account.',
    needs: 'read',
    params: named,
    answer: shared('Account'),
    act: async ({ tools, given, settings }) =>
      accountJson(await known(tools.registry, given.required('name', read.accountName)), settings),
  },
  'POST /accounts/:name': {
    does: 'Changes the upstream, its method or the name of an account.',
    needs: 'write',
    params: named,
    body: optional({ upstream: fields.url, rename: fields.account, upstreamAuth: fields.upstreamAuth }),
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor, settings }) => {
      const name = given.required('name', read.accountName)
      const upstream = given.optional('upstream', read.upstreamUrl)
      const rename = given.optional('rename', read.accountName)
      const method = given.optional('upstreamAuth', read.authName)
      const upstreamAuth = method === undefined ? undefined : namedAuth(method, settings)
      if (upstream === undefined && rename === undefined && upstreamAuth === undefined)
        throw nothingToChange('upstream, rename or upstreamAuth')
      const before = await known(registry, name)
      const changes = {
        ...(upstream !== undefined && { upstream }),
        ...(rename !== undefined && { rename }),
        ...(upstreamAuth !== undefined && { upstreamAuth }),
      }
      await insist(registry.setAccount(actor, name, changes))
      const after = { name: rename ?? name, upstream: upstream ?? before.upstream }
      const goes = `${addressOf(after.name, settings)} goes to ${whereTo(after, settings)}`
      return { done: `${name} was changed, in every running gateway. ${goes}` }
    },
  },
  'DELETE /accounts/:name': {
    does: 'Removes an account with its members, uses and history of connections.',
    needs: 'write',
    params: named,
    answer: shared('Done'),
    act: async ({ tools, given, actor }) => {
      const name = given.required('name', read.accountName)
      await insist(tools.registry.removeAccount(actor, name))
      return { done: `${name} was removed, in every running gateway. Requests for it get 404.` }
    },
  },
  'GET /accounts/:name/members': {
    does: 'Lists who may use an account that is restricted to members.',
    needs: 'read',
    params: named,
    answer: shared('Members'),
    act: async ({ tools: { registry }, given }) => {
      const { name, membersOnly = false } = await known(registry, given.required('name', read.accountName))
      return { account: name, membersOnly, members: await registry.members(name) }
    },
  },
  'POST /accounts/:name/members': {
    does: 'Adds members, removes members, or opens the account to its whole scope again: one of them.',
    needs: 'write',
    params: named,
    body: optional({
      add: fields.users,
      remove: fields.users,
      scope: fields.scope,
      open: { type: 'boolean' },
    }),
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor }) => {
      const name = given.required('name', read.accountName)
      const [add, remove] = [given.several('add', read.anyName), given.several('remove', read.anyName)]
      const scope = given.optional('scope', read.scope)
      const open = given.flag('open')
      // Together they would be two changes, of which the first could be made and the second refused.
      if ([open, add !== undefined, remove !== undefined].filter(Boolean).length !== 1)
        throw new Rejected(400, 'invalid', 'Give one of add, remove and open. Nothing was changed.')
      if (open) await insist(registry.openToAll(actor, name))
      if (add !== undefined) {
        const where = scope ?? scopeOf((await known(registry, name)).connection)
        await insist(registry.addMembers(actor, name, where, add))
      }
      if (remove !== undefined) await insist(registry.removeMembers(actor, name, remove))
      return { done: `The members of ${name} were changed, in every running gateway.` }
    },
  },
  'GET /accounts/:name/move': {
    does: 'Plans a move: who uses the account, and who could go on using it. Changes nothing.',
    needs: 'read',
    params: named,
    query: object({ to: fields.scope }),
    answer: shared('MovePlan'),
    act: async ({ tools, given }) => {
      const name = given.required('name', read.accountName)
      const plan = await readMoveReadiness(tools.registry, name, given.required('to', read.scope))
      return { ...planJson(plan), warnings: warnings(plan, routeOf(`POST /accounts/${name}/members`)) }
    },
  },
  'POST /accounts/:name/move': {
    does: 'Moves an account to another directory, or to Microsoft accounts.',
    needs: 'write',
    params: named,
    body: object({ to: fields.scope, 'bridgeHours?': { type: 'integer', minimum: 1, maximum: 72 } }),
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor }) => {
      const account = given.required('name', read.accountName)
      const to = given.required('to', read.scope)
      const bridgeHours = given.optional('bridgeHours', read.bridgeHours)
      const until = await applyMove(registry, actor, { account, to, bridgeHours })
      const { connection } = await known(registry, account)
      const bridge =
        until === undefined
          ? ''
          : ` Until ${moment(until)}, linked users can keep using their old credentials.`
      return {
        done: `${account} now signs in with ${connectionText(connection)}, in every running gateway.${bridge}`,
      }
    },
  },
  'GET /accounts/:name/move/rehearsal': {
    does: 'Rehearses a move: which requests of the last days it would have refused, the most frequent first. Without a target, as it is planned.',
    needs: 'read',
    heavy: 'always',
    params: named,
    query: optional({ to: fields.scope, since: fields.since, limit: fields.limit }),
    answer: shared('Rehearsal'),
    act: async ({ tools: { registry, store }, given }) => {
      const account = given.required('name', read.accountName)
      const wanted = {
        account,
        to: given.optional('to', read.scope),
        since: given.optional('since', read.pastInstant),
        again: routeOf(`GET /accounts/${account}/move/rehearsal?to=DIRECTORY`),
      }
      const rehearsal = await rehearseMove({ registry, toolUses: store.toolUses }, wanted)
      return rehearsalJson(rehearsal, given.number('limit') ?? usualLimit)
    },
  },
  'POST /accounts/:name/move/plan': {
    does: 'Plans a move ahead, or changes its plan: users can prepare for it, and are told of it. Nothing moves by itself.',
    needs: 'write',
    params: named,
    body: object({ on: fields.comingDay, 'to?': fields.scope }),
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor }) => {
      const account = given.required('name', read.accountName)
      const on = given.required('on', read.comingDay)
      const { planned } = await planMove(registry, actor, {
        account,
        to: given.optional('to', read.scope),
        on,
      })
      const where = planned === undefined ? '' : ` to ${connectionText(planned.to)}`
      return { done: `${account} is planned to move${where} on ${on} (UTC). Nothing moves by itself.` }
    },
  },
  'DELETE /accounts/:name/move/plan': {
    does: 'Cancels a planned move. What users have prepared stays.',
    needs: 'write',
    params: named,
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor }) => {
      const name = given.required('name', read.accountName)
      await insist(registry.cancelMove(actor, name))
      return { done: `The planned move of ${name} is cancelled.` }
    },
  },
  'POST /accounts/:name/move/undo': {
    does: 'Undoes the last move of an account.',
    needs: 'write',
    params: named,
    body: optional({}),
    answer: shared('Done'),
    act: async ({ tools: { registry }, given, actor }) => {
      const name = given.required('name', read.accountName)
      const { before } = await lastMove(registry, name)
      await insist(registry.undoMove(actor, name))
      return {
        done: `${name} signs in with ${connectionText(before.connection)} again, in every running gateway.`,
      }
    },
  },
}

function nothingToChange(what: string): Rejected {
  return new Rejected(400, 'invalid', `There is nothing to change: give ${what}.`)
}
