import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import { type Members, scopeOf } from '../../src/gateway/account.ts'
import type { Decision } from '../../src/gateway/decision.ts'
import type { Scope, Username } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { basicOf } from '../support/ask.ts'
import { userToken } from '../support/delegation.ts'
import { runs } from '../support/runs.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { aWorld, entra, msa, usualThrottle } from '../support/world.ts'
import {
  outcomeByTheRules,
  type Question,
  type RuleAccount,
  type RuleCredential,
  type Rules,
} from './rules.ts'

const connections = { msa, Contoso: entra('Contoso'), Northwind: entra('Northwind') }
type ScopeName = keyof typeof connections
const scopes = Object.keys(connections) as ScopeName[]

/** Enough that a name is in several scopes, and a password right in one and wrong in the next. */
const people = [
  { primary: 'anna@example.com', secondary: 'anna' },
  { primary: 'bo@example.com', secondary: 'bo' },
  { primary: 'anna', secondary: undefined },
]
const passwords = ['one', 'two']
const tomorrow = Date.now() + 86_400_000

const scope = fc.constantFrom(...scopes)
/** True, or false once in eight: else nearly all requests would end at the first rule. */
const mostly = fc.integer({ min: 0, max: 7 }).map(number => number < 7)
const account = fc.record(
  {
    name: fc.constantFrom('fabrikam', 'wingtip'),
    scope,
    former: scope,
    bridged: fc.boolean(),
    delegated: fc.boolean(),
    members: fc.dictionary(scope, fc.subarray(people.map(({ primary }) => primary)), { minKeys: 1 }),
  },
  { requiredKeys: ['name', 'scope', 'bridged'] },
)
const credential = fc
  .record({
    scope,
    person: fc.constantFrom(...people),
    named: fc.boolean(),
    password: fc.constantFrom(...passwords),
    enabled: mostly,
    linked: fc.boolean(),
    signedIn: fc.boolean(),
  })
  .map(({ person, named, ...rest }) => ({
    ...rest,
    primary: person.primary,
    ...(named && person.secondary !== undefined && { secondary: person.secondary }),
  }))
const rules: fc.Arbitrary<Rules> = fc
  .record({
    httpsOnly: fc.boolean(),
    accounts: fc.uniqueArray(account, { selector: ({ name }) => name, minLength: 1, maxLength: 2 }),
    credentials: fc.array(credential, { minLength: 3, maxLength: 9 }),
  })
  .map(({ credentials, ...rest }) => ({ ...rest, credentials: withoutClashes(credentials) }))
const presented = fc.record({
  username: fc.constantFrom('anna@example.com', 'ANNA@example.com', 'anna', 'bo', 'bo@example.com', 'eve'),
  password: fc.constantFrom(...passwords, ...passwords, ...passwords, ''),
})
const question: fc.Arbitrary<Question> = fc
  .record({
    account: fc.constantFrom('fabrikam', 'fabrikam', 'Wingtip', 'nowhere'),
    secure: mostly,
    isPresented: mostly,
    presented,
  })
  .map(({ isPresented, presented, ...rest }) => ({ ...rest, ...(isPresented && { presented }) }))

/** A name is one credential's in its scope, as the store ensures. */
function withoutClashes(credentials: readonly RuleCredential[]): readonly RuleCredential[] {
  const taken = new Set<string>()
  return credentials.filter(({ scope, primary, secondary }) => {
    const names = [primary, secondary].filter(name => name !== undefined).map(name => `${scope} ${name}`)
    if (names.some(name => taken.has(name))) return false
    for (const name of names) taken.add(name)
    return true
  })
}

/**
 * One for all worlds: to make it takes longer than all that a world is asked. Between two worlds passes more time than
 * the longest that it remembers anything.
 */
let days = 0
const throttle = createThrottle(usualThrottle, {
  key: randomBytes(32),
  now: () => days * 86_400_000,
})

function worldOf({ httpsOnly, accounts, credentials }: Rules) {
  days += 30
  return aWorld({
    httpsOnly,
    counting: throttle,
    delegation: {
      tokenFor({ account, scope, username }) {
        if (!accounts.some(({ name, delegated }) => name === account.name && delegated)) return undefined
        const its = credentials.find(each => each.primary === username && each.scope === nameOf(scope))
        return its?.signedIn ? userToken('a-token') : 'ended'
      },
    },
    accounts: accounts.map(each => ({
      name: each.name,
      connection: connections[each.scope as ScopeName],
      ...(each.former && {
        former: {
          connection: connections[each.former as ScopeName],
          leftAt: 0,
          ...(each.bridged === true && { bridgedUntil: tomorrow }),
        },
      }),
      ...(each.members && { members: membersOf(each.members) }),
      upstream: 'http://upstream.invalid',
    })),
    credentials: credentials.map(({ scope, primary, secondary, password, enabled, linked }) => ({
      connection: connections[scope as ScopeName],
      username: primary,
      ...(secondary !== undefined && { secondary }),
      password,
      enabled,
      ...(linked && { linked }),
    })),
  })
}

function membersOf(members: NonNullable<RuleAccount['members']>): Members {
  return new Map(
    Object.entries(members).map(([scope, names]) => [
      scopeOf(connections[scope as ScopeName]),
      new Set(names as readonly Username[]),
    ]),
  )
}

function told(decision: Decision): string {
  if (decision.outcome !== 'allow') return decision.outcome
  return `allow ${decision.username} of ${nameOf(decision.scope)}`
}

function nameOf(scope: Scope): string {
  return scopes.find(name => scopeOf(connections[name]) === scope) ?? scope
}

t.test('the gateway decides by the rules, on the first and on repeated requests', async t => {
  const seen = new Set<string>()
  const property = fc.asyncProperty(
    rules,
    fc.array(question, { minLength: 1, maxLength: 6 }),
    async (given, asked) => {
      const { gateway } = worldOf(given)
      for (const each of [...asked, ...asked]) {
        const { account, secure, presented } = each
        const decision = await gateway.decide({
          id: 'a-request',
          method: 'GET',
          target: `/${account}/r.git`,
          host: 'git.example.com',
          authorization:
            presented === undefined ? [] : [new Secret(basicOf(presented.username, presented.password))],
          from: '192.0.2.1',
          secure,
          headers: new RequestHeaders([]),
          lane: 'production',
        })
        seen.add(decision.outcome)
        const expected = outcomeByTheRules(given, each)
        if (told(decision) !== expected) throw new Error(`${told(decision)}, but by the rules ${expected}`)
      }
    },
  )
  await fc.assert(property, { numRuns: runs(2500) })
  t.strictSame(
    [...seen].sort(),
    [
      'allow',
      'challenge',
      'disabled',
      'no-account',
      'not-allowed',
      'refused',
      'reset-needed',
      'sign-in-needed',
    ],
    'every outcome of the rules has occurred',
  )
})
