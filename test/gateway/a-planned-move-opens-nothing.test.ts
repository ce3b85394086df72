import t from 'tap'
import type { Connection, FormerConnection } from '../../src/gateway/account.ts'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// Users prepare for a move before it is made. Whatever they set there, the plan must not change one decision.

const [contoso, northwind] = [entra('Contoso'), entra('Northwind')]
const users = [
  { username: 'anna@example.com', password: 'of msa', connection: msa },
  { username: 'anna@example.com', password: 'of contoso', connection: contoso },
  { username: 'boris@example.com', password: 'of contoso', connection: contoso, linked: true as const },
  { username: 'carla@example.com', password: 'of northwind', connection: northwind },
  { username: 'dora@example.com', password: 'of contoso', connection: contoso, enabled: false },
]
const presented = [...users, { username: 'nobody@example.com', password: 'x' }]

/** What becomes of every user and password on an account that is, was, or will be connected to these. */
async function outcomes(
  connection: Connection,
  planned: Connection | undefined,
  former: FormerConnection | undefined,
): Promise<readonly string[]> {
  const plan = planned && { planned: { to: planned, on: '2020-01-01' } }
  const account = { name: 'fabrikam', upstream: 'https://tfs.example', connection, ...plan }
  const world = aWorld({ accounts: [{ ...account, ...(former && { former }) }], credentials: users })
  const found = []
  for (const { username } of presented)
    for (const { password } of presented) {
      const decision = await world.gateway.decide({
        id: 'r1',
        method: 'GET',
        target: '/fabrikam/r.git/info/refs',
        host: 'git.example.com',
        headers: new RequestHeaders([]),
        authorization: [new Secret(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`)],
        from: `192.0.2.${found.length + 1}`, // so that no limit is reached
        secure: true,
        lane: 'production',
      })
      found.push(`${username} ${password}: ${decision.outcome}`)
    }
  return found
}

t.test('with and without a plan, before its day and after, all decisions are the same', async t => {
  for (const former of [undefined, { connection: northwind, leftAt: 1000 }])
    for (const connection of [msa, contoso])
      for (const planned of [msa, contoso, northwind])
        t.strictSame(
          await outcomes(connection, planned, former),
          await outcomes(connection, undefined, former),
        )
})

t.test('the comparison sees what is allowed, refused and to be reset', async t => {
  const seen = (await outcomes(contoso, northwind, { connection: msa, leftAt: 1000 })).join('\n')
  t.match(seen, 'anna@example.com of contoso: allow')
  t.match(seen, 'anna@example.com of msa: refused')
  t.match(seen, 'carla@example.com of northwind: refused')
  t.notMatch(seen, 'throttled')
})
