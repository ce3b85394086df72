import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { type RawConnection, rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { tf } from '../support/tee.ts'
import { until } from '../support/until.ts'
import { aGenerated, aWorld } from '../support/world.ts'

const reader = aGenerated({ name: 'mirror', readOnly: true })
const writer = aGenerated({ name: 'laptop' })
const upstream = await recordingUpstream(t)
const world = aWorld({
  accounts: [{ name: 'fabrikam', upstream: upstream.url }],
  credentials: [{ ...anna, generated: [reader, writer] }],
})
const server = await runningServer(t, { upstream: upstream.url, world })
const as = (password: string) => basic({ username: anna.username, password })

const batchPath = '/fabrikam/r.git/info/lfs/objects/batch'
const soapPath = '/fabrikam/c/VersionControl/v5.0/repository.asmx'
const tfvc = 'http://schemas.microsoft.com/TeamFoundation/2005/06/VersionControl/ClientServices/03'
const lfs = [
  'Content-Type: application/vnd.git-lfs+json; charset=utf-8',
  'Accept: application/vnd.git-lfs+json',
]
const soap = ['Content-Type: application/soap+xml; charset=utf-8']
const message = (operation: string) =>
  `<?xml version="1.0" ?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body xmlns="${tfvc}">${operation}</soap:Body></soap:Envelope>`

const head = (line: string, lines: readonly string[], password = reader.password) =>
  [`${line} HTTP/1.1`, 'Host: git.example.com', `Authorization: ${as(password)}`, ...lines, '', ''].join(
    '\r\n',
  )
const whole = (line: string, lines: readonly string[], body: string, password?: string) =>
  `${head(line, [...lines, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'], password)}${body}`

t.test('a batch request of a read-only password is forwarded byte for byte if it is a download', async t => {
  const body = ' {"operation":"download",  "objects":[{"oid":"0a1b","size":3}]}\n'
  t.match(await rawRequest(server.port, whole(`POST ${batchPath}`, lfs, body)), /^HTTP\/1\.1 200 /)
  t.equal(upstream.last().body.toString(), body)
  t.strictSame(upstream.last().values('content-length'), [String(body.length)])
  const chunked = `${head(`POST ${batchPath}`, [...lfs, 'Transfer-Encoding: chunked', 'Connection: close'])}`
  const chunks = [...body.matchAll(/[^]{1,7}/g)].map(
    ([chunk]) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
  )
  t.match(await rawRequest(server.port, `${chunked}${chunks.join('')}0\r\n\r\n`), /^HTTP\/1\.1 200 /)
  t.equal(upstream.last().body.toString(), body, 'in chunks')
  t.equal(world.seen.at(-1)?.decision.outcome, 'allow')
})

t.test(
  'a client that offers HTTP/2 reads with a read-only password, and the upstream is not asked',
  async t => {
    // Java's HttpClient does so over plain http unless told otherwise, and so does curl --http2.
    const offer = ['Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAEAAEAAAAIAAAAB', 'Upgrade: h2c']
    const connection = await rawConnection(server.port)
    connection.send(head('GET /fabrikam/x', offer))
    t.match(await connection.until(/ok/), /^HTTP\/1\.1 200 /)
    for (const name of ['upgrade', 'http2-settings']) t.strictSame(upstream.last().values(name), [])
    connection.send(head('PUT /fabrikam/x', [...offer, 'Content-Length: 0']))
    t.match(await connection.until(/X-Altgate-Outcome/), /X-Altgate-Outcome: read-only/)
    connection.socket.destroy()
  },
)

t.test('an upload is refused before the upstream is asked, and said so in the form of git-lfs', async t => {
  const before = upstream.requests.length
  const bodies = ['{"operation":"upload"}', '{"operation":"download","operation":"upload"}', '', '{']
  for (const body of bodies) {
    const answer = await rawRequest(server.port, whole(`POST ${batchPath}`, lfs, body))
    t.match(answer, /^HTTP\/1\.1 403 /, body)
    t.match(answer, /\r\nX-Altgate-Outcome: read-only\r\n/)
    t.match(answer, /\r\nContent-Type: application\/vnd\.git-lfs\+json\r\n/)
    t.match(answer, /"message":"Your password \\"mirror\\" is read-only.*Nothing was changed\./)
    t.notMatch(answer, /WWW-Authenticate/i)
  }
  t.equal(world.seen.at(-1)?.decision.outcome, 'read-only')
  t.equal(upstream.requests.length, before)
})

t.test('a password that may write is not held up: its batch request streams', async t => {
  const connection = await rawConnection(server.port)
  const before = upstream.requests.length
  connection.send(
    `${head(`POST ${batchPath}`, [...lfs, 'Content-Length: 22'], writer.password)}{"operation":`,
  )
  await until(() => upstream.requests.length > before)
  connection.send('"upload"}')
  t.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /)
  connection.socket.destroy()
})

t.test('a batch request that is too long is a write, and the connection goes on', async t => {
  const before = upstream.requests.length
  const body = `{"operation":"download","a":"${'a'.repeat(2 ** 20)}"}`
  const connection = await rawConnection(server.port)
  connection.send(`${head(`POST ${batchPath}`, [...lfs, `Content-Length: ${body.length}`])}${body}`)
  t.match(await connection.until(/\r\n\r\n\{.*\}\n/s), /^HTTP\/1\.1 403 /)
  connection.send(whole('GET /fabrikam/x', [], ''))
  t.match(await connection.closed(), /\r\nHTTP\/1\.1 200 |\}\nHTTP\/1\.1 200 /)
  t.equal(upstream.requests.length, before + 1)
})

t.test('what is decided by a body is decided at once where there is none', async t => {
  for (const [path, lines] of [
    [batchPath, lfs],
    [soapPath, soap],
  ] as const) {
    const connection = await rawConnection(server.port)
    connection.send(head(`POST ${path}`, [...lines, 'Connection: close']))
    t.match(await connection.closed(), /^HTTP\/1\.1 (?:403|500) /, path)
    t.equal(world.seen.at(-1)?.decision.outcome, 'read-only')
  }
})

t.test('100 Continue is sent once, when the body is wanted', async t => {
  const body = '{"operation":"download"}'
  const connection = await rawConnection(server.port)
  const lines = [...lfs, `Content-Length: ${body.length}`, 'Expect: 100-continue', 'Connection: close']
  connection.send(head(`POST ${batchPath}`, lines))
  await connection.until(/100 Continue\r\n\r\n/)
  connection.send(body)
  const answer = await connection.closed()
  t.equal(answer.match(/100 Continue/g)?.length, 1)
  t.match(answer, /HTTP\/1\.1 200 /)
  t.equal(upstream.last().body.toString(), body)
})

t.test('a client that leaves in the middle of its body does no harm', async t => {
  const decided = world.seen.length
  const connection = await rawConnection(server.port)
  connection.send(`${head(`POST ${batchPath}`, [...lfs, 'Content-Length: 100'])}{"operation":`)
  await delay(50)
  connection.socket.destroy()
  await until(() => world.seen.length > decided)
  t.equal(world.seen.at(-1)?.decision.outcome, 'read-only')
  t.match(await rawRequest(server.port, whole('GET /fabrikam/x', [], '')), /^HTTP\/1\.1 200 /)
  t.strictSame(server.bugs, [])
})

t.test('a call of TFVC is decided by its body, and a long one streams behind its beginning', async t => {
  const start = message('<UpdateLocalVersion><updates>').replace(/<\/soap.*/, '')
  const rest = '<LocalVersionUpdate itemid="1"/>'.repeat(40_000)
  const body = `${start}${rest}`
  const connection = await rawConnection(server.port)
  connection.send(head(`POST ${soapPath}`, [...soap, `Content-Length: ${body.length}`, 'Connection: close']))
  const before = upstream.requests.length
  connection.send(start.slice(0, 100))
  await delay(20)
  connection.send(start.slice(100))
  await until(() => upstream.requests.length > before)
  connection.send(rest)
  t.match(await connection.closed(), /^HTTP\/1\.1 200 /)
  t.ok(upstream.last().body.equals(Buffer.from(body)))
})

t.test('a check-in is refused, whatever the headers say of it', async t => {
  const before = upstream.requests.length
  for (const lines of [
    soap,
    [`Content-Type: application/soap+xml; charset=utf-8; action="${tfvc}/QueryHistory"`],
    [`Content-Type: application/soap+xml; charset=utf-8; action="${tfvc}/CheckIn"`],
  ]) {
    const answer = await rawRequest(server.port, whole(`POST ${soapPath}`, lines, message('<CheckIn/>')))
    t.match(answer, /^HTTP\/1\.1 500 /)
    t.match(answer, /\r\nX-Altgate-Outcome: read-only\r\n/)
    t.match(answer, /\r\nX-TFS-ServiceError: Your%20password%20%22mirror%22%20is%20read-only/)
    t.match(answer, /<soap:Text xml:lang="en">Your password "mirror" is read-only/)
  }
  t.equal(upstream.requests.length, before)
})

t.test('tf prints it', async t => {
  const signIn = { username: anna.username, password: reader.password }
  for (const version of ['1.1', '1.2'] as const) {
    const { shown, asked } = await tf(server.url + soapPath, [signIn, signIn], version)
    t.match(shown, 'Your password "mirror" is read-only')
    t.match(shown, 'https://git.example.com/_altgate/?account=fabrikam')
    t.equal(asked, 1)
  }
})

t.test('REST, a browser and everything else are told so in their own form', async t => {
  const send = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const asking = request(server.url + path, {
      method: 'POST',
      agent: false,
      headers: { authorization: as(reader.password), ...headers },
    })
    const answered = once(asking, 'response')
    asking.end('{}')
    const [answer] = (await answered) as [IncomingMessage] // what `response` is documented to give
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) }
  }
  const rest = await send('/fabrikam/_apis/git/repositories')
  t.equal(rest.status, 403)
  t.match(JSON.parse(rest.body), { typeKey: 'ReadOnlyException', message: /"mirror" is read-only/ })
  const plain = await send('/fabrikam/x')
  t.match(plain.headers['content-type'], 'text/plain; charset=utf-8')
  t.match(plain.body, /^Your password "mirror" is read-only, .*\n.*Nothing was changed\./s)
  t.match(plain.body, '\nhttps://git.example.com/_altgate/?account=fabrikam\n')
  t.equal(plain.headers['www-authenticate'], undefined)
})

t.test('the list of refs for a push is refused, in every spelling, and that for a fetch is not', async t => {
  const refs = '/fabrikam/r.git/info/refs'
  for (const query of [
    'service=git-receive-pack',
    'service=git%2dreceive-pack',
    'service=git-upload-pack;service=git-receive-pack',
  ])
    t.match(await rawRequest(server.port, whole(`GET ${refs}?${query}`, [], '')), /^HTTP\/1\.1 403 /, query)
  t.match(
    await rawRequest(server.port, whole(`GET ${refs}?service=git-upload-pack`, [], '')),
    /^HTTP\/1\.1 200 /,
  )
})

t.test('what is held of bodies is bounded: beyond that clients are told to come again', async t => {
  const length = 2 ** 20 - 1
  const most = 64
  const connections: RawConnection[] = []
  for (let count = 0; count <= most; count++) {
    const connection = await rawConnection(server.port)
    connection.send(head(`POST ${batchPath}`, [...lfs, `Content-Length: ${length + 1}`]))
    connection.send('a'.repeat(length))
    connections.push(connection)
  }
  await until(() => connections.some(each => each.received() !== ''))
  const answered = connections.filter(each => each.received() !== '')
  t.equal(answered.length, 1)
  t.match(await answered[0]?.until(/\r\n\r\n/), /^HTTP\/1\.1 503 [^]*\r\nX-Altgate-Outcome: busy\r\n/)
  for (const { socket } of connections) socket.destroy()
  const again = () => rawRequest(server.port, whole(`POST ${batchPath}`, lfs, '{"operation":"download"}'))
  await until(async () => (await again()).startsWith('HTTP/1.1 200 '))
})

t.test('wherever the beginning of a body is cut, the same is decided and the same arrives', async t => {
  const body = message('<QueryWorkspaces><ownerName>anna</ownerName></QueryWorkspaces>')
  for (let at = 1; at < body.length; at += 23) {
    const connection = await rawConnection(server.port)
    connection.send(
      head(`POST ${soapPath}`, [...soap, `Content-Length: ${body.length}`, 'Connection: close']),
    )
    connection.send(body.slice(0, at))
    await delay(2)
    connection.send(body.slice(at))
    t.match(await connection.closed(), /^HTTP\/1\.1 200 /, `cut at ${at}`)
    t.equal(upstream.last().body.toString(), body)
  }
})
