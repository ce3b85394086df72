import t from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const upstream = await recordingUpstream(t)
const contoso = entra('Contoso')
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    {
      name: 'moved',
      connection: contoso,
      former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) },
      upstream: upstream.url,
    },
  ],
  credentials: [anna, { username: 'off@example.com', password: 'correct', enabled: false }],
})
const server = await runningServer(t, { upstream: upstream.url, world })

const request = (lines: readonly string[], method = 'GET', path = '/fabrikam/x') =>
  [`${method} ${path} HTTP/1.1`, 'Host: h', ...lines, '', ''].join('\r\n')
const withAuthorization = (value: string) =>
  rawRequest(server.port, request([`Authorization: ${value}`, 'Connection: close']))
const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

t.test('challenge, refused credential and good credential share one connection', async t => {
  const connection = await rawConnection(server.port)
  connection.send(request([]))
  const first = await connection.until(/Reference: \w+\n/)
  t.match(first, /^HTTP\/1\.1 401/)
  t.match(first, /\r\nConnection: keep-alive\r\n/)
  t.match(first, /\r\nWWW-Authenticate: Basic realm="fabrikam", charset="UTF-8"\r\n/)
  t.equal(first.match(/www-authenticate/gi)?.length, 1, 'one challenge, on one line')
  connection.send(request([`Authorization: ${encoded('anna@example.com:wrong')}`]))
  await connection.until(/Reference[^]*Reference: \w+\n/)
  connection.send(request([`Authorization: ${basic()}`, 'Connection: close']))
  t.match(await connection.closed(), /HTTP\/1\.1 200 OK[^]*ok$/)
})

t.test('a challenge costs no look-up, and is the same for an unknown account', async t => {
  const nothing = aWorld({
    directory: {
      find() {
        throw new Error('asked')
      },
    },
  })
  const server = await runningServer(t, { upstream: upstream.url, world: nothing })
  for (const headers of [{}, { authorization: encoded('anna@example.com:') }]) {
    const answer = await fetch(`${server.url}/nobody/x`, { headers })
    t.equal(answer.status, 401)
    t.equal(answer.headers.get('x-altgate-outcome'), 'challenge')
    await answer.text()
  }
  t.equal(nothing.hashes(), 0)
})

t.test('every decision has its status, outcome and header lines', async t => {
  for (const [value, status, outcome] of [
    ['', 401, 'challenge'],
    [encoded('anna@example.com:'), 401, 'challenge'],
    [encoded('anna@example.com:wrong'), 401, 'refused'],
    [encoded('nobody@example.com:correct horse'), 401, 'refused'],
    [encoded('off@example.com:correct'), 403, 'disabled'],
    [encoded('no colon'), 401, 'garbled'],
    [encoded(':password-only'), 401, 'garbled'],
    [encoded('anna\u001b[31m:x'), 401, 'garbled'],
    ['Basic YWxpY2U6czNjcmV0=', 401, 'garbled'],
    ['Basic !!!', 401, 'garbled'],
    ['Bearer abc', 401, 'garbled'],
    ['Negotiate abc', 401, 'garbled'],
    ['NTLM TlRMTVNTUAAB', 401, 'garbled'],
    [`Basic ${'QUFB'.repeat(3000)}`, 401, 'garbled'],
    [basic().replace('Basic ', 'bAsIc   '), 200, undefined],
  ] as const) {
    const answer = await withAuthorization(value)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), value.slice(0, 40))
    t.equal(/X-Altgate-Outcome: (.*)\r/.exec(answer)?.[1], outcome)
    t.equal(
      answer.match(/www-authenticate/gi)?.length ?? 0,
      status === 401 ? 1 : 0,
      'a challenge on 401 alone',
    )
  }
})

t.test('two Authorization headers are 400, even if one of them is right', async t => {
  const lines = [`Authorization: ${basic()}`, `authorization: ${encoded('root:x')}`, 'Connection: close']
  const answer = await rawRequest(server.port, request(lines))
  t.match(answer, /^HTTP\/1\.1 400 [^]*\r\nX-Altgate-Outcome: garbled\r\n/)
  t.notMatch(answer, /www-authenticate/i)
})

t.test('the new connection is told only to clients with the right old password', async t => {
  const ask = async (password: string) => {
    const authorization = basic({ username: anna.username, password })
    const answer = await fetch(`${server.url}/moved/r.git/info/refs`, { headers: { authorization } })
    return { answer, text: await answer.text() }
  }
  const right = await ask(anna.password)
  t.equal(right.answer.headers.get('x-altgate-outcome'), 'reset-needed')
  t.match(right.text, 'directory "Contoso"')
  t.match(right.text, '\nhttps://git.example.com/_altgate/?account=moved\n')
  const wrong = await ask('wrong')
  t.equal(wrong.answer.headers.get('x-altgate-outcome'), 'refused')
  t.notMatch(wrong.text, 'Contoso')
})

t.test('a wrong name and a wrong password get the same answer except for the reference', async t => {
  const plain = (answer: string) => answer.replace(/[0-9a-f]{24}/g, 'ID').replace(/\r\nDate: .*\r\n/, '\r\n')
  const [name, password] = await Promise.all([
    withAuthorization(encoded('nobody@example.com:correct horse')),
    withAuthorization(encoded('anna@example.com:wrong')),
  ])
  t.equal(plain(name), plain(password))
})

t.test('the reference in the text is the request id, and never the client\u2019s own', async t => {
  const answers = await Promise.all(
    Array.from({ length: 1200 }, () =>
      fetch(`${server.url}/fabrikam/x`, { headers: { 'x-request-id': 'mine' } }).then(async answer => ({
        id: answer.headers.get('x-request-id'),
        text: await answer.text(),
      })),
    ),
  )
  for (const { id, text } of answers)
    if (!/^[0-9a-f]{24}$/.test(id ?? '') || !text.endsWith(`\nReference: ${id}\n`)) t.fail(text)
  t.equal(new Set(answers.map(({ id }) => id)).size, answers.length, 'no two are the same')
})

t.test('HEAD gets the same status and headers, and no body', async t => {
  for (const path of ['/fabrikam/x', '/_nobody/x', '/fabrikam/../x']) {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map(async method => {
        const answer = await rawRequest(server.port, request(['Connection: close'], method, path))
        const end = answer.indexOf('\r\n\r\n') + 4
        const clean = (text: string) => text.replace(/[0-9a-f]{24}/g, 'ID').replace(/Date: .*\r\n/, '')
        return { head: clean(answer.slice(0, end)), body: answer.slice(end) }
      }),
    )
    t.equal(head?.head, get?.head)
    t.equal(head?.body, '')
    t.not(get?.body, '')
  }
})

t.test('a refused request whose small body has arrived keeps its connection', async t => {
  const connection = await rawConnection(server.port)
  connection.send(`${request(['Content-Length: 4'], 'POST')}0000`)
  t.match(await connection.until(/Reference: \w+\n$/), /^HTTP\/1\.1 401 [^]*\r\nConnection: keep-alive\r\n/)
  connection.send(
    `${request(['Content-Length: 4', `Authorization: ${basic()}`, 'Connection: close'], 'POST')}0000`,
  )
  t.match(await connection.closed(), /HTTP\/1\.1 200 OK[^]*ok$/)
})

t.test('plain http is refused before any client is asked for a password', async t => {
  const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], httpsOnly: true })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const answer = await fetch(`${server.url}/fabrikam/x`, { redirect: 'manual' })
  t.equal(answer.status, 403)
  t.equal(answer.headers.get('x-altgate-outcome'), 'not-allowed')
  t.match(await answer.text(), '\nhttps://git.example.com\n')
})

t.test('an outage is 503 with Retry-After, never 401', async t => {
  const world = aWorld({
    directory: {
      find() {
        throw new Outage('store', new Error('secret detail'))
      },
    },
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization: basic() } })
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('x-altgate-outcome'), 'unavailable')
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.notMatch(await answer.text(), 'secret')
})

t.test('a bug is 503 as well, and is reported to the operator with the request id', async t => {
  const bug = new TypeError('secret detail')
  const world = aWorld({
    directory: {
      find() {
        throw bug
      },
    },
  })
  const told: [unknown, string][] = []
  const server = await runningServer(t, {
    upstream: upstream.url,
    world,
    observer: {
      upstreamAnswered: () => {},
      upstreamFailed: () => {},
      upstreamCrowded: () => {},
      signInNeeded: () => {},
      outage: () => {},
      bug: (error, id) => void told.push([error, id]),
    },
  })
  const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization: basic() } })
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('x-altgate-outcome'), 'unavailable')
  t.notMatch(await answer.text(), 'secret')
  t.strictSame(told, [[bug, answer.headers.get('x-request-id')]])
})

t.test('every decision is recorded once, with the original request', async t => {
  const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], credentials: [anna] })
  const server = await runningServer(t, { upstream: upstream.url, world })
  for (const headers of [
    {},
    { authorization: encoded('anna@example.com:wrong') },
    { authorization: basic() },
  ])
    await (await fetch(`${server.url}/fabrikam/x?y`, { headers })).text()
  t.equal(world.outcomes(), 'challenge refused allow')
  t.match(world.seen[2]?.ask, {
    method: 'GET',
    target: '/fabrikam/x?y',
    from: '127.0.0.1',
    secure: false,
    id: /^[0-9a-f]{24}$/,
  })
  t.notMatch(JSON.stringify(world.seen), /correct|Basic/, 'the password stays a secret')
})

t.test('a client that leaves while the gateway decides is not forwarded', async t => {
  let decide = () => {}
  const waiting = new Promise<void>(resolve => (decide = resolve))
  let asked = false
  const world = aWorld({
    credentials: [anna],
    directory: {
      async find(name) {
        asked = true
        await waiting
        return { name, connection: msa, upstream: upstream.url }
      },
    },
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const before = upstream.requests.length
  const connection = await rawConnection(server.port)
  connection.send(request([`Authorization: ${basic()}`]))
  await until(() => asked)
  connection.socket.destroy()
  await until(
    async () => new Promise<boolean>(done => server.app.server.getConnections((_, n) => done(n === 0))),
  )
  decide()
  await until(() => world.seen.length === 1)
  await (await fetch(`${server.url}/fabrikam/later`, { headers: { authorization: basic() } })).text()
  t.equal(upstream.last().url, '/fabrikam/later')
  t.equal(upstream.requests.length, before + 1)
})
