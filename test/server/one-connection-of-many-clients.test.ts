import t from 'tap'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

// What was decoded of a header serves later requests of its connection (ADR 0108). A proxy sends the requests of many
// clients on one connection, so each of them must be judged by its own.

const ben = { username: 'ben@example.com', password: 'battery staple' }
const upstream = await recordingUpstream(t)
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    { name: 'tailspin', upstream: upstream.url },
  ],
  credentials: [anna, ben],
})
const server = await runningServer(t, { upstream: upstream.url, world })

/** Sends requests one after the other on one connection; gives each status, and who the upstream was told it is. */
async function onOneConnection(requests: readonly (readonly string[])[], path = '/fabrikam/x') {
  const connection = await rawConnection(server.port)
  const told: string[] = []
  for (const [at, values] of requests.entries()) {
    const before = upstream.requests.length
    const headers = values.map(value => `Authorization: ${value}\r\n`).join('')
    connection.send(`GET ${path} HTTP/1.1\r\nHost: git.example.com\r\n${headers}\r\n`)
    const whole = new RegExp(`(?:HTTP/1\\.1 [^]*?\\r\\n\\r\\n[^]*){${at + 1}}`)
    const text = await connection.until(whole)
    const status =
      text
        .match(/HTTP\/1\.1 \d{3}/g)
        ?.at(-1)
        ?.slice(9) ?? 'closed'
    const [user] = upstream.requests[before]?.values('X-Forwarded-User') ?? []
    told.push(user === undefined ? status : `${status} ${user}`)
  }
  connection.socket.destroy()
  return told
}

const ofAnna = basic(anna)
const ofBen = basic(ben)

t.test('each request of a connection is judged by its own header', async t => {
  const wrong = basic({ username: anna.username, password: ben.password })
  t.strictSame(
    await onOneConnection([
      [ofAnna],
      [ofAnna],
      [ofBen],
      [ofAnna],
      [wrong],
      [],
      [ofAnna],
      [ofAnna, ofAnna],
      [ofAnna],
    ]),
    [
      '200 anna@example.com',
      '200 anna@example.com',
      '200 ben@example.com',
      '200 anna@example.com',
      '401',
      '401',
      '200 anna@example.com',
      '400',
      '200 anna@example.com',
    ],
  )
})

t.test('a header that differs in one character, or in its length, is another one', async t => {
  const last = ofAnna.slice(0, -1)
  const changed = [
    `${last}${ofAnna.endsWith('=') ? 'A' : '='}`,
    last,
    `${ofAnna} x`,
    ofAnna.toLowerCase(),
    `X${ofAnna}`,
  ]
  for (const value of changed)
    t.strictSame(
      await onOneConnection([[ofAnna], [value], [ofAnna]]),
      ['200 anna@example.com', '401', '200 anna@example.com'],
      value,
    )
  const spelled = ofAnna.replace('Basic', 'bASIC')
  t.strictSame(await onOneConnection([[ofAnna], [spelled]]), ['200 anna@example.com', '200 anna@example.com'])
})

t.test('a header decoded for one account is judged anew for the next', async t => {
  t.strictSame(await onOneConnection([[ofAnna], [ofAnna]], '/tailspin/x'), [
    '200 anna@example.com',
    '200 anna@example.com',
  ])
  t.strictSame(await onOneConnection([[ofAnna], [ofAnna]], '/unknown/x'), ['404', '404'])
})
