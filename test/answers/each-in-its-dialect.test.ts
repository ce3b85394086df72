import t from 'tap'
import { freePort } from '../support/ports.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const upstream = await recordingUpstream(t)
const world = aWorld({
  accounts: [
    {
      name: 'moved',
      connection: entra('Contoso'),
      former: { connection: msa, leftAt: 0 },
      upstream: upstream.url,
    },
    { name: 'dead', upstream: `http://127.0.0.1:${await freePort()}` },
  ],
  credentials: [anna],
})
const server = await runningServer(t, { upstream: upstream.url, world })

/** Head and body, without what differs from one request to the next. */
async function ask(method: string, path: string, headers: readonly string[]) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: h', `Authorization: ${basic()}`, ...headers]
  const answer = await rawRequest(server.port, [...lines, 'Connection: close', '', ''].join('\r\n'))
  const end = answer.indexOf('\r\n\r\n') + 4
  const id = /\r\nX-Request-Id: (\w+)/.exec(answer)?.[1] ?? ''
  const head = answer
    .slice(0, end)
    .replaceAll(id, 'ID')
    .replace(/Date: .*\r\n/, '')
  return { head, body: answer.slice(end) }
}

const type = (head: string) => /\r\nContent-Type: ([^;\r]*)/.exec(head)?.[1]

/** Who ends the request, and where. */
const places = [
  ['the gate', '/moved', 401],
  ['the way to the upstream', '/dead', 502],
] as const

for (const [who, account, status] of places)
  for (const [dialect, path, headers, expected] of [
    ['text', '/r.git/info/refs', ['Accept: text/html', 'Sec-Fetch-Mode: navigate'], 'text/plain'],
    ['SOAP 1.2', '/x', ['Content-Type: application/soap+xml'], 'text/plain'],
    ['REST', '/_apis/projects?a=b', [], 'application/json'],
    ['a page', '/x', ['Accept: text/html', 'Sec-Fetch-Mode: navigate'], 'text/html'],
  ] as const) {
    t.test(`${who} answers in ${dialect}, and HEAD gets the same headers and no body`, async t => {
      const get = await ask('GET', account + path, headers)
      const isFault = dialect === 'SOAP 1.2' && status !== 401
      t.match(get.head, new RegExp(`^HTTP/1\\.1 ${isFault ? 500 : status} `))
      t.equal(type(get.head), isFault ? 'application/soap+xml' : expected)
      t.equal(/\r\nX-TFS-ServiceError: /.test(get.head), dialect === 'SOAP 1.2')
      t.equal(get.head.match(/\r\nWWW-Authenticate: Basic /g)?.length, status === 401 ? 1 : undefined)
      t.not(get.body, '')
      t.strictSame(await ask('HEAD', account + path, headers), { head: get.head, body: '' })
    })
  }

t.test('an unsupported method is answered in the dialect as well', async t => {
  t.equal(type((await ask('TRACE', '/moved/_apis/x', [])).head), 'application/json')
  t.equal(
    type((await ask('GET', '/_altgate/nothing', ['Accept: application/json'])).head),
    'application/json',
  )
})
