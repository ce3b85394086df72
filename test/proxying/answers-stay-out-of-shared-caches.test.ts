import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

// RFC 9111, 3.5: shared caches do not store an answer to a request with a credential unless the upstream permits it, and
// the upstream does not know of the credential.

let lines: readonly string[] = []
const upstream = await recordingUpstream(t, (_, response) =>
  response.writeHead(200, [...lines, 'Content-Length', '2']).end('ok'),
)
const server = await runningServer(t, { upstream: upstream.url })

const added = ['Cache-Control', 'private', 'Vary', 'Authorization']

/** The header lines that a client gets, without those of the connection. */
async function linesFor(...given: readonly string[]): Promise<readonly string[]> {
  lines = given
  const asking = request(`${server.url}/fabrikam/x`, {
    headers: { authorization: basic() },
    agent: false,
  }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage] // what `response` is documented to give
  answer.resume()
  const got = answer.rawHeaders.slice(0, answer.rawHeaders.indexOf('Connection'))
  const date = got.indexOf('Date')
  return got.toSpliced(date, 2)
}

t.test('an answer that shared caches may not store arrives unchanged', async t => {
  for (const cacheControl of [
    [],
    ['Cache-Control', 'max-age=60'],
    ['Cache-Control', 'no-cache, max-age=0, must-revalidate'],
    ['Cache-Control', 'public', 'cache-control', 'no-store'],
    ['Cache-Control', 'Private, s-maxage=60'],
    ['Vary', 'Accept-Encoding'],
  ])
    t.strictSame(await linesFor(...cacheControl), [...cacheControl, 'Content-Length', '2'])
})

t.test('an answer that shared caches may store becomes private, after the lines of the upstream', async t => {
  for (const cacheControl of [
    ['Cache-Control', 'public, max-age=31536000'],
    ['cache-control', 'Max-Age=60', 'Vary', 'Accept', 'cache-control', 'S-MaxAge=60'],
    ['Cache-Control', 'max-age=60,must-revalidate'],
    ['Cache-Control', 'public, private="set-cookie", no-cache="x"'],
  ])
    t.strictSame(await linesFor(...cacheControl), [...cacheControl, 'Content-Length', '2', ...added])
})

t.test('the gateway’s own answers are not cached', async t => {
  for (const [path, authorization, status] of [
    ['/fabrikam/x', '', 401],
    ['/fabrikam/x', basic({ username: 'anna@example.com', password: 'wrong' }), 401],
    ['/nobody/x', basic(), 404],
    ['/fabrikam/x//../y', basic(), 400],
  ] as const) {
    const asking = request(server.url, { path, headers: { authorization }, agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage] // as above
    answer.resume()
    t.equal(answer.statusCode, status)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.equal(answer.headers.vary, 'Authorization')
  }
})
