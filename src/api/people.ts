import { explain, explainedJson, explainReference, referenceJson } from '../administration/explanation.ts'
import * as read from '../administration/given.ts'
import { blockPerson, revokeSessions } from '../administration/people.ts'
import { activeSignIns } from '../administration/sign-ins.ts'
import { atProvider, endAll } from '../administration/sign-outs.ts'
import { isoTime } from '../administration/times.ts'
import { changeJson, publicFieldsOf, refusalJson } from '../administration/views.ts'
import type { Instant } from '../gateway/names.ts'
import { type Call, type Route } from './routes.ts'
import { Rejected } from './problems.ts'
import { fields, object, optional, shared } from './schemas.ts'

const person = object({ user: fields.user })

/** What concerns users in all scopes, and what has happened. */
export const peopleRoutes: Readonly<Record<string, Route>> = {
  'GET /people/:user': {
    does: 'Lists the credentials of a person in every scope: those of the name, and those of linked identities.',
    needs: 'read',
    params: person,
    answer: object({ items: { type: 'array', items: { type: 'object' } }, blocked: { type: 'boolean' } }),
    act: async ({ tools: { registry }, given }) => {
      const user = given.required('user', read.anyName)
      const items = (await registry.person(user)).map(publicFieldsOf)
      return { items, blocked: (await registry.blockedNames()).includes(user) }
    },
  },
  'POST /people/:user/block': {
    does: 'Switches a person off in all scopes, and everything that is made under their names later.',
    needs: 'write',
    params: person,
    body: optional({ now: fields.now }),
    answer: shared('Done'),
    act: call => switchPerson(call, true),
  },
  'POST /people/:user/unblock': {
    does: 'Ends the block of a person in all scopes.',
    needs: 'write',
    params: person,
    body: optional({}),
    answer: shared('Done'),
    act: call => switchPerson(call, false),
  },
  'POST /sessions/revoke': {
    does: 'Signs a user out of the page, in one scope or all; or, with all, every user.',
    needs: 'write',
    body: optional({ user: fields.user, scope: fields.scope, all: { type: 'boolean' } }),
    answer: object({ ended: { type: 'integer' } }),
    act: async ({ tools: { registry }, given, actor }) => {
      const user = given.optional('user', read.anyName)
      const scope = given.optional('scope', read.scope)
      const all = given.flag('all')
      if ((user === undefined) !== all || (all && scope !== undefined))
        throw new Rejected(400, 'invalid', 'Say whose: user, user and scope, or all. Nothing was changed.')
      return { ended: await revokeSessions(registry, actor, user, scope) }
    },
  },
  'POST /sign-ins/end': {
    does: 'Ends all sign-ins with which the gateway acts as users or checks them, in one scope or everywhere.',
    needs: 'write',
    body: object({ 'scope?': fields.scope, all: { type: 'boolean', enum: [true] } }),
    answer: object({
      ended: { type: 'integer' },
      left: { type: 'integer', description: 'Not tried any more, because a part is down: ask again.' },
      notes: { type: 'array', items: { type: 'string' } },
    }),
    act: async ({ tools: { store, grants }, given, actor }) => {
      const active = await activeSignIns(store.grants, given.optional('scope', read.scope))
      const parts = { grants, actor, stop: new AbortController().signal, progress() {} }
      const { counts, left, outage } = await endAll(active, parts)
      if (outage !== undefined && left === active.length) throw outage
      const { 'no-endpoint': unable, failed, revoked } = counts
      return {
        ended: revoked + failed + unable,
        left,
        notes: [
          ...(unable > 0 ? [atProvider['no-endpoint']] : []),
          ...(failed > 0 ? [atProvider.failed] : []),
        ],
      }
    },
  },
  'GET /changes': {
    does: 'Lists changes, newest first: who made which, and when. They are kept for 7 days.',
    needs: 'read',
    query: optional({
      account: fields.account,
      user: fields.user,
      since: fields.since,
      limit: fields.limit,
    }),
    answer: object({ items: { type: 'array', items: shared('Change') } }),
    act: async call => ({
      items: (await call.tools.store.changes.list(filterOf(call))).toReversed().map(changeJson),
    }),
  },
  'GET /refusals': {
    does: 'Lists refusals and failures, newest first.',
    needs: 'read',
    query: optional({
      outcome: { type: 'string', enum: read.keptOutcomes },
      account: fields.account,
      user: fields.user,
      since: fields.since,
      limit: fields.limit,
    }),
    answer: object({ items: { type: 'array', items: shared('Refusal') } }),
    act: async call => {
      const outcome = call.given.text('outcome')
      const filter = { ...filterOf(call), ...(outcome !== undefined && { outcome }) }
      return { items: (await call.tools.store.refusals.list(filter)).toReversed().map(refusalJson) }
    },
  },
  'GET /refusals/:reference': {
    does: 'Explains what happened to a request, by the reference that its client was shown.',
    needs: 'read',
    params: object({ reference: fields.reference }),
    answer: shared('ExplainedRefusal'),
    act: async ({ tools, given, settings }) =>
      referenceJson(await explainReference(tools, settings, given.required('reference', read.reference))),
  },
  'GET /explain': {
    does: 'Shows what the gateway would decide if the right password were presented, step by step. Takes no password.',
    needs: 'read',
    query: object({ account: fields.account, user: fields.user }),
    answer: shared('Explanation'),
    act: async ({ tools, given, settings }) => {
      const presented = {
        name: given.required('account', read.accountName),
        username: given.required('user', read.anyName),
      }
      const explained = await explain(tools, settings, presented)
      if (explained.outage !== undefined) throw explained.outage
      return explainedJson(presented, explained)
    },
  },
}

async function switchPerson({ tools, given, actor }: Call, blocked: boolean): Promise<object> {
  const user = given.required('user', read.anyName)
  const { registry, emergency } = tools
  const now = given.flag('now')
  const credentials = await registry.person(user)
  await blockPerson(now ? emergency.registry : registry, actor, user, blocked)
  if (!blocked) return { done: `${user} is no longer blocked, in every running gateway.` }
  const where = now ? 'in the store' : 'in every running gateway'
  return {
    done: `${user} is blocked in all scopes, ${where}. Switched off: ${credentials.length}.`,
    ...(now && { certainInSeconds: Math.ceil(emergency.certainAfterMs / 1000) }),
  }
}

function filterOf({ given }: Call) {
  const account = given.optional('account', read.accountName)
  const user = given.optional('user', read.anyName)
  const since = given.optional('since', read.pastInstant)
  return {
    most: given.number('limit') ?? 100,
    ...(account !== undefined && { account }),
    ...(user !== undefined && { user }),
    ...(since !== undefined && { since }),
  }
}

/** The token of a request, as the API shows it. */
export function tokenJson({
  name,
  scope,
  endsAt,
}: {
  readonly name: string
  readonly scope: string
  readonly endsAt?: Instant
}): object {
  return { name, scope, ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }) }
}
