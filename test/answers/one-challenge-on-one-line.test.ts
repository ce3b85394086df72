import t from 'tap'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// Team Explorer Everywhere and JGit read one scheme a line; git tries NTLM and Digest, and then erases the password;
// git-lfs prefers LFS-Authenticate. So there is one line, and it is the gateway's own.

/** The challenges of on-premises servers and Azure DevOps, with related headers. */
const offered = [
  ['WWW-Authenticate', 'Bearer authorization_uri=https://login.microsoftonline.com/common'],
  ['WWW-Authenticate', 'Basic realm="https://upstream.example.org/"'],
  ['www-authenticate', 'TFS-Federated'],
  ['WWW-Authenticate', 'Negotiate, NTLM'],
  ['LFS-Authenticate', 'NTLM'],
  ['Proxy-Authenticate', 'Basic'],
  ['Set-Cookie', 'FedAuth=1'],
  ['Set-Cookie', 'FedAuth1=2'],
  ['X-TFS-FedAuthRedirect', 'https://upstream.example.org/_signin'],
  ['X-TFS-FedAuthIssuer', 'https://upstream.example.org/'],
  ['X-TFS-FedAuthRealm', 'https://upstream.example.org/'],
  ['X-TFS-ServiceError', 'TF400813'],
  ['X-TFS-SoapException', 'TF400813'],
  ['ActivityId', 'their-own'],
  ['X-VSS-E2EID', 'their-own'],
  ['Content-Length', '4'],
].flat()
let status = 401
const upstream = await recordingUpstream(t, (_, response) => response.writeHead(status, offered).end('body'))
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    {
      name: 'moved',
      connection: entra('Contoso'),
      former: { connection: msa, leftAt: 0 },
      upstream: upstream.url,
    },
  ],
  credentials: [anna],
})
const server = await runningServer(t, { upstream: upstream.url, world })

const git = 'r.git/info/refs?service=git-upload-pack'
const wrong = basic({ username: anna.username, password: 'wrong' })

/** The lines of the answer's head, the status line first. */
async function headOf(path: string, authorization?: string): Promise<readonly string[]> {
  const credential = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`
  const request = `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${credential}\r\n`
  const answer = await rawRequest(server.port, request)
  return answer.slice(0, answer.indexOf('\r\n\r\n')).split('\r\n')
}

const challenges = (head: readonly string[]) => head.filter(line => /^[\w-]*authenticate:/i.test(line))

t.test('every 401 has one challenge on one line, whatever the reason', async t => {
  for (const [path, authorization] of [
    [`/fabrikam/${git}`, undefined],
    [`/fabrikam/${git}`, basic({ username: anna.username, password: '' })],
    [`/fabrikam/${git}`, wrong],
    [`/moved/${git}`, wrong],
    [`/moved/${git}`, basic()],
    [`/fabrikam/${git}`, 'Bearer abc'],
    [`/fabrikam/${git}`, 'NTLM TlRMTVNTUAAB'],
    ['/nobody/x', undefined],
  ] as const) {
    const head = await headOf(path, authorization)
    t.match(head[0], 'HTTP/1.1 401')
    const realm = path.split('/')[1]
    t.strictSame(challenges(head), [`WWW-Authenticate: Basic realm="${realm}", charset="UTF-8"`])
  }
})

t.test('no challenge of the upstream reaches a client, whatever the status', async t => {
  for (status of [200, 401, 403, 404, 407, 500, 503])
    for (const path of [`/fabrikam/${git}`, '/fabrikam/page'])
      t.strictSame(challenges(await headOf(path, basic())), [], `${status} ${path}`)
})

t.test('nothing of an upstream\u2019s 401 reaches a client: these are all headers of the answer', async t => {
  status = 401
  const head = await headOf(`/fabrikam/${git}`, basic())
  t.equal(head[0], 'HTTP/1.1 502 Bad Gateway')
  const names = head.slice(1).map(line => line.slice(0, line.indexOf(':')).toLowerCase())
  t.equal(
    names.toSorted().join(' '),
    'cache-control connection content-length content-type date vary x-altgate-outcome x-request-id',
  )
})

t.test('ids that the upstream gives its answers are passed on, in success and error', async t => {
  for (status of [200, 403, 500]) {
    const head = await headOf(`/fabrikam/${git}`, basic())
    t.match(head[0], String(status))
    t.ok(head.includes('ActivityId: their-own'))
    t.ok(head.includes('X-VSS-E2EID: their-own'))
  }
})
