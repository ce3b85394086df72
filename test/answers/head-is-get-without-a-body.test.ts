import t from 'tap'
import { freePort } from '../support/ports.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// Git Credential Manager sends HEAD before it asks the user for a password.

const upstream = await recordingUpstream(t, (request, response) => {
  const status = Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 200)
  response.writeHead(status, {
    'Content-Length': '2',
    ETag: '"x"',
    Location: 'https://elsewhere.example.org/',
  })
  response.end('ok')
})
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    { name: 'down', upstream: `http://127.0.0.1:${await freePort()}` },
    {
      name: 'moved',
      connection: entra('Contoso'),
      former: { connection: msa, leftAt: 0 },
      upstream: upstream.url,
    },
  ],
  credentials: [anna, { username: 'off@example.com', password: 'correct', enabled: false }],
})
const server = await runningServer(t, { upstream: upstream.url, world })
const wrong = basic({ username: anna.username, password: 'wrong' })

for (const [what, path, authorization] of [
  ['a challenge', '/fabrikam/r.git', ''],
  ['a wrong password', '/fabrikam/r.git', wrong],
  ['an account that moved', '/moved/r.git', basic()],
  ['a credential that is off', '/fabrikam/x', basic({ username: 'off@example.com', password: 'correct' })],
  ['an account that is not there', '/nobody/x', basic()],
  ['an unclear address', '/fabrikam/../x', basic()],
  ['a reserved path', '/_altgate/nothing', ''],
  ['a REST service', '/fabrikam/_apis/connectionData', wrong],
  ['a SOAP service', '/moved/Services/v3.0/LocationService.asmx', basic()],
  ['an upstream that is down', '/down/x', basic()],
  ['what the upstream says', '/fabrikam/page', basic()],
  ['an error of the upstream', '/fabrikam/page/404', basic()],
  ['a 401 of the upstream', '/fabrikam/r.git/401', basic()],
  ['a redirect of the upstream', '/fabrikam/page/302', basic()],
  ['a redirect that a tool would follow', '/fabrikam/r.git/302', basic()],
] as const) {
  t.test(`HEAD is answered as GET: ${what}`, async t => {
    const ask = async (method: string) => {
      const lines = [`${method} ${path} HTTP/1.1`, 'Host: h', 'Connection: close']
      if (authorization !== '') lines.push(`Authorization: ${authorization}`)
      const answer = await rawRequest(server.port, `${lines.join('\r\n')}\r\n\r\n`)
      const end = answer.indexOf('\r\n\r\n') + 4
      const id = /X-Request-Id: (.*)\r\n/.exec(answer)?.[1] ?? 'ID'
      const plain = answer
        .slice(0, end)
        .replaceAll(id, 'ID')
        .replace(/Date: .*\r\n/, '')
      return { head: plain, body: answer.slice(end) }
    }
    const get = await ask('GET')
    const head = await ask('HEAD')
    t.equal(head.head, get.head)
    t.equal(head.body, '')
    t.not(get.body, '')
  })
}
