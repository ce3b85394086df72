import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

const upstream = await recordingUpstream(t)

async function page(app: FastifyInstance): Promise<void> {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_: unknown, body: string) => body,
  )
  app.get('/', async request => `page for ${(request.query as { account?: string }).account}`)
  app.post('/form', async request => `posted ${request.body as string}`)
}

t.test('routes below /_altgate are served without a decision', async t => {
  const server = await runningServer(t, { upstream: upstream.url, selfService: page })
  const get = await fetch(`${server.url}/_altgate/?account=fabrikam`)
  t.equal(get.status, 200)
  t.equal(await get.text(), 'page for fabrikam')
  const post = await fetch(`${server.url}/_altgate/form`, {
    method: 'POST',
    body: new URLSearchParams({ a: '1' }),
  })
  t.equal(await post.text(), 'posted a=1')
  t.equal(server.world.seen.length, 0, 'the gateway decides nothing there')
})

t.test('the page gets the body of a client that waits for 100 first', async t => {
  const server = await runningServer(t, { upstream: upstream.url, selfService: page })
  const lines = ['POST /_altgate/form HTTP/1.1', 'Host: h', 'Expect: 100-continue', 'Content-Length: 3']
  const connection = await rawConnection(server.port)
  connection.send(`${lines.join('\r\n')}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n`)
  await connection.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  connection.send('a=1')
  await connection.until(/posted a=1$/)
  connection.socket.destroy()
})

t.test('a request that says nothing of a body has an empty one, and is answered', async t => {
  const server = await runningServer(t, { upstream: upstream.url, selfService: page })
  const form = 'Content-Type: application/x-www-form-urlencoded'
  const json = 'Content-Type: application/json'
  const ask = async (line: string, ...headers: readonly string[]) => {
    const lines = [line, 'Host: h', `Authorization: ${basic()}`, 'Connection: close', ...headers]
    return await rawRequest(server.port, `${lines.join('\r\n')}\r\n\r\n`)
  }
  t.match(await ask('POST /_altgate/form HTTP/1.1', form), /^HTTP\/1\.1 200 .*posted $/s)
  t.match(await ask('POST /_altgate/form HTTP/1.1', form, 'Content-Length: 0'), /posted $/)
  for (const type of [form, json])
    t.match(await ask('POST /_altgate/nothing HTTP/1.1', type), /^HTTP\/1\.1 404 /)
  for (const method of ['POST', 'PUT', 'PROPFIND', 'OPTIONS']) {
    t.match(await ask(`${method} /fabrikam/x HTTP/1.1`, json), /^HTTP\/1\.1 200 /, method)
    t.equal(upstream.last().body.length, 0, method)
  }
  t.match(await ask('POST /fabrikam/x HTTP/1.1', 'Expect: 100-continue'), /^HTTP\/1\.1 200 /)
  t.match(await ask('POST /fabrikam/x HTTP/1.0'), /^HTTP\/1\.1 200 /)
})

t.test('a body is read whichever of many headers announces it', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  const many = Array.from({ length: 700 }, (_, n) => `a${n}:`)
  for (const [announced, sent] of [
    ['Content-Length: 3', 'a=1'],
    ['Transfer-Encoding: chunked', '3\r\na=1\r\n0\r\n\r\n'],
  ]) {
    const lines = ['POST /fabrikam/x HTTP/1.1', 'Host: h', `Authorization: ${basic()}`, 'Connection: close']
    const head = [...lines, ...many, announced].join('\r\n')
    t.match(await rawRequest(server.port, `${head}\r\n\r\n${sent}`), /^HTTP\/1\.1 200 /)
    t.equal(upstream.last().body.toString(), 'a=1')
  }
})

t.test('nothing under /_altgate is ever forwarded', async t => {
  for (const options of [{}, { selfService: page }]) {
    const server = await runningServer(t, { upstream: upstream.url, ...options })
    const before = upstream.requests.length
    for (const path of [
      '/_altgate/nothing',
      '/_altgate/live',
      '/_altgate/metrics',
      '/_altgate/x?y',
      '/_altgate/%zz',
    ]) {
      const answer = await fetch(server.url + path, { headers: { authorization: basic() } })
      t.ok([400, 404].includes(answer.status), path)
      t.match(answer.headers.get('x-altgate-outcome'), /^(?:no-account|unclear-target)$/)
      t.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
      await answer.text()
    }
    t.equal(upstream.requests.length, before)
  }
})

t.test('another spelling of /_altgate is an unknown account, not the page', async t => {
  const server = await runningServer(t, { upstream: upstream.url, selfService: page })
  for (const path of [
    '/_ALTGATE/',
    '/_altgat%65/',
    '/_altgate%2f',
    '//_altgate/',
    '/_altgate;x/',
    '/x/../_altgate/',
  ]) {
    const answer = await rawRequest(
      server.port,
      `GET ${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
    )
    t.match(answer, /^HTTP\/1\.1 40[04] /, path)
    t.notMatch(answer, 'page for')
  }
})

t.test('what the page cannot parse is the client\u2019s fault, what it throws is a bug', async t => {
  const server = await runningServer(t, {
    upstream: upstream.url,
    async selfService(app) {
      app.post('/json', async () => 'ok')
      app.get('/bug', async () => {
        throw new Error('secret detail')
      })
    },
  })
  const broken = await fetch(`${server.url}/_altgate/json`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{',
  })
  t.equal(broken.status, 400)
  await broken.text()
  t.equal(server.bugs.length, 0)
  const bug = await fetch(`${server.url}/_altgate/bug`)
  t.equal(bug.status, 503)
  t.notMatch(await bug.text(), 'secret')
  t.equal(server.bugs.length, 1)
})

t.test('health and metrics are not on the public port', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  for (const path of ['/live', '/ready', '/metrics']) {
    const answer = await fetch(server.url + path)
    t.equal(answer.headers.get('x-altgate-outcome'), 'challenge', 'they are accounts like all others')
    await answer.text()
  }
})
