import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

const upstream = await recordingUpstream(t)

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36'
const accept = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const browser = [`User-Agent: ${chrome}`, accept]
const navigating = [...browser, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']

async function ask(
  { port }: { readonly port: number },
  line: string,
  headers: readonly string[],
  host = 'git.example.com',
): Promise<string> {
  const lines = [`${line} HTTP/1.1`, `Host: ${host}`, ...headers, 'Connection: close', '', '']
  return await rawRequest(port, lines.join('\r\n'))
}

/** Without what differs from one request to the next. */
function comparable(answer: string): string {
  const id = /\r\nX-Request-Id: (\w+)/i.exec(answer)?.[1] ?? ''
  return answer.replaceAll(id, 'ID').replace(/\r\nDate: [^\r]*/, '')
}

t.test('the address of the gateway alone', async t => {
  const page = { upstream: upstream.url, selfService: async () => {} }
  const server = await runningServer(t, page)
  for (const [line, headers] of [
    ['GET /', navigating],
    ['HEAD /', navigating],
    ['GET /?utm_source=mail', navigating],
    ['GET /', browser],
    ['GET /', [...navigating, `Authorization: ${basic()}`]],
  ] as const)
    t.test(`leads a browser to the page: ${line}`, async t => {
      const answer = await ask(server, line, headers)
      t.match(answer, /^HTTP\/1\.1 303 See Other\r\n/)
      t.match(answer, /\r\nLocation: \/_altgate\/\r\n/)
      t.match(answer, /\r\nX-Altgate-Outcome: no-account\r\n/)
      t.match(answer, /\r\nCache-Control: no-store\r\n/)
      t.match(answer, /\r\nVary: Authorization, Accept\r\n/)
      if (line.startsWith('HEAD')) t.match(answer, /\r\n\r\n$/)
    })

  // Without a page, everything is answered as it is without this rule.
  const without = await runningServer(t, { upstream: upstream.url })
  for (const [who, line, headers] of [
    ['git', 'GET /', ['User-Agent: git/2.47.1', 'Accept: */*']],
    ['git that asks for HTML', 'GET /', ['User-Agent: git/2.47.1', 'Accept: text/html']],
    ['git-lfs', 'GET /', ['User-Agent: git-lfs/3.6.0', 'Accept: text/html']],
    ['tf', 'GET /', ['User-Agent: Team Explorer Everywhere, SKU:10', 'Accept: text/html']],
    ['curl', 'GET /', ['User-Agent: curl/8.5.0', 'Accept: */*']],
    ['PowerShell', 'GET /', ['User-Agent: Mozilla/5.0 WindowsPowerShell/5.1', 'Accept: text/html, */*']],
    ['Java', 'GET /', ['User-Agent: Java/21', 'Accept: text/html, image/gif, *; q=.2']],
    ['a tool that says nothing of itself', 'GET /', []],
    ['a script of a page', 'GET /', [...browser, 'Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty']],
    ['a frame', 'GET /', [...browser, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe']],
    [
      'a browser that wants JSON',
      'GET /',
      [`User-Agent: ${chrome}`, 'Accept: application/json, text/html;q=0.1'],
    ],
    ['a form', 'POST /', [...navigating, 'Content-Length: 0']],
    ['an account', 'GET /fabrikam', navigating],
    ['an unknown account', 'GET /nobody/', [...navigating, `Authorization: ${basic()}`]],
    ['what is no name', 'GET /*/', navigating],
    ['another spelling', 'GET //', navigating],
    ['with a fragment', 'GET /#x', navigating],
  ] as const)
    t.test(`is nothing new for ${who}`, async t => {
      const answer = await ask(server, line, headers)
      t.notMatch(answer, /^HTTP\/1\.1 3/)
      t.equal(comparable(answer), comparable(await ask(without, line, headers)))
    })
})

t.test('where accounts are named by host, / belongs to the upstream of each', async t => {
  const naming = { by: 'host', suffix: '.git.example.com' } as const
  const world = aWorld({
    naming,
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [{ username: 'anna@example.com', password: 'correct horse' }],
  })
  const server = await runningServer(t, { upstream: upstream.url, world, selfService: async () => {} })
  const host = 'fabrikam.git.example.com'
  t.match(await ask(server, 'GET /', navigating, host), /^HTTP\/1\.1 401 /)
  t.match(
    await ask(server, 'GET /', [...navigating, `Authorization: ${basic()}`], host),
    /^HTTP\/1\.1 200 /,
    'it is forwarded',
  )
  t.match(await ask(server, 'GET /', navigating, 'a.b.git.example.com'), /^HTTP\/1\.1 404 /)
  t.match(await ask(server, 'GET /', navigating, 'elsewhere.example'), /^HTTP\/1\.1 404 /)
  t.match(await ask(server, 'GET /', navigating), /^HTTP\/1\.1 303 /, 'that of the gateway itself')
})

t.test('a browser gets a page wherever git and LFS have no service, and tools what they got', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  const type = (answer: string) => /\r\nContent-Type: ([^;\r]*)/.exec(answer)?.[1]
  for (const path of [
    '/nobody',
    '/fabrikam/r.git',
    '/fabrikam/_git/r',
    '/fabrikam/_apis/x',
    '/fabrikam/x.asmx',
  ])
    t.equal(type(await ask(server, `GET ${path}`, navigating)), 'text/html', path)
  for (const path of ['/fabrikam/r.git/info/refs', '/fabrikam/r.git/git-upload-pack'])
    t.equal(type(await ask(server, `GET ${path}`, navigating)), 'text/plain', path)
  t.equal(type(await ask(server, 'GET /fabrikam/r.git', ['User-Agent: git/2.47.1'])), 'text/plain')
  t.equal(type(await ask(server, 'GET /fabrikam/_apis/x', ['User-Agent: Mozilla/5.0'])), 'application/json')
})
