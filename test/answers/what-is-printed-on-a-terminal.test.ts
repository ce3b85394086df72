import t from 'tap'
import { freePort } from '../support/ports.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// git prints the body of an answer as it is, escape sequences too, with `remote: ` before each line; it takes it for
// ISO-8859-1 without a charset, and shows no other media type than text/plain.

const nowhere = `http://127.0.0.1:${await freePort()}`
const hostile = '\u001b[31m\u009b1m\u202eevil\r\nX-Injected: 1\u0007'
const moved = (name: string, directoryName: string) => ({
  name,
  connection: { ...entra('Contoso'), directoryName },
  former: { connection: msa, leftAt: 0 },
  upstream: nowhere,
})
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: nowhere },
    moved('moved', 'Soci\u00e9t\u00e9'),
    moved('hostile', hostile),
    moved('long', 'A very long name of a directory '.repeat(20)),
  ],
  credentials: [anna, { username: 'off@example.com', password: 'correct', enabled: false }],
})
const server = await runningServer(t, { upstream: nowhere, world })

interface Answered {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Bytes in, bytes out: one character each. */
async function ask(path: string, authorization?: string): Promise<Answered> {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: h', 'Connection: close']
  if (authorization !== undefined) lines.push(`Authorization: ${authorization}`)
  const answer = await rawRequest(server.port, `${lines.join('\r\n')}\r\n\r\n`)
  const end = answer.indexOf('\r\n\r\n')
  return { status: Number(answer.slice(9, 12)), head: answer.slice(0, end), body: answer.slice(end + 4) }
}

const git = '/r.git/info/refs?service=git-upload-pack'
const wrong = basic({ username: anna.username, password: 'wrong' })
const requests: readonly (readonly [status: number, path: string, authorization?: string])[] = [
  [401, `/fabrikam${git}`],
  [401, `/fabrikam${git}`, wrong],
  [401, `/moved${git}`, wrong],
  [401, `/moved${git}`, basic()],
  [401, `/hostile${git}`, basic()],
  [401, `/long${git}`, basic()],
  [401, `/fabrikam${git}`, 'Bearer x'],
  [403, `/fabrikam${git}`, basic({ username: 'off@example.com', password: 'correct' })],
  [404, `/nobody${git}`, basic()],
  [400, `/fabrikam/../x${git}`, basic()],
  [502, `/fabrikam${git}`, basic()],
]

t.test(
  'every text of the gateway is plain, short, states its charset, and ends with the reference',
  async t => {
    for (const [status, ...request] of requests) {
      const answer = await ask(...request)
      t.equal(answer.status, status)
      t.match(answer.head, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
      const id = /\r\nX-Request-Id: ([0-9a-f]{24})(?:\r\n|$)/.exec(answer.head)?.[1]
      t.ok(answer.body.endsWith(`\nReference: ${id}\n`), 'the pasted text includes the id')
      t.match(answer.body, /^[\n\x20-\x7e\xa0-\xff]+$/, 'no control character but the line end')
      const lines = answer.body.split('\n')
      t.ok(lines.length <= 11, `${lines.length} lines`)
      t.ok(answer.body.length <= 2048)
      for (const line of lines) t.ok(line.length <= 80, line)
    }
  },
)

t.test('non-ASCII letters are sent as UTF-8', async t => {
  t.match((await ask(`/moved${git}`, basic())).body, 'directory "Soci\xc3\xa9t\xc3\xa9"')
})

t.test('client input is never printed, and no name moves the cursor', async t => {
  for (const [username, path] of [
    ['\u001b[31mevil', `/fabrikam${git}`],
    ['evil\u202e@example.com', `/fabrikam${git}`],
    ['evil@example.com', `/moved/evil${git}`],
    ['anna@example.com', '/evil%1b%5b31m/x'],
    ['evil\r\nX-Injected: 1', `/fabrikam/%0aevil${git}`],
  ] as const) {
    const { status, head, body } = await ask(path, basic({ username, password: 'x' }))
    t.ok(status === 400 || status === 401, `${status}`)
    t.notMatch(`${head}${body}`, /evil|Injected|\p{Cc}\[/u)
  }
  const { head, body } = await ask(`/hostile${git}`, basic())
  t.notMatch(Buffer.from(body, 'latin1').toString(), /(?!\n)\p{Cc}|\p{Cf}/u)
  t.notMatch(head, 'Injected')
})
