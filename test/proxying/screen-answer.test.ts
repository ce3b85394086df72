import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

// git takes a 203 or an HTML page for an empty repository, exits 0 and stores the wrong password; it erases the right one on
// an upstream's 401. Both happened with Azure DevOps behind gateways.

type Head = readonly [status: number, headers: Record<string, string | string[]>]
let next: Head = [200, {}]
const upstream = await recordingUpstream(t, (_, response) =>
  response.writeHead(...next).end('<html>body</html>'),
)
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    { name: 'moved', upstream: `${upstream.url}/tfs/` },
  ],
  credentials: [{ username: 'anna@example.com', password: 'correct horse' }],
})
const server = await runningServer(t, { upstream: upstream.url, world })

function ask(path: string, head: Head, method = 'GET'): Promise<Response> {
  next = head
  return fetch(server.url + path, { method, headers: { authorization: basic() }, redirect: 'manual' })
}

const git = '/fabrikam/r.git/info/refs?service=git-upload-pack'

t.test(
  'an upstream\u2019s 401 never reaches the client, on any path, with any challenge or cookie',
  async t => {
    for (const status of [401, 407])
      for (const path of [git, '/fabrikam/page']) {
        const answer = await ask(path, [
          status,
          {
            'WWW-Authenticate': ['NTLM', 'Negotiate', 'Basic realm="upstream"'],
            'Proxy-Authenticate': 'Basic realm="upstream"',
            'LFS-Authenticate': 'Basic',
            'Set-Cookie': 'session=1',
            'X-TFS-FedAuthRedirect': 'https://login.example.org',
          },
        ])
        t.equal(answer.status, 502)
        t.equal(answer.headers.get('x-altgate-outcome'), 'upstream-failed')
        for (const gone of ['www-authenticate', 'proxy-authenticate', 'set-cookie', 'x-tfs-fedauthredirect'])
          t.equal(answer.headers.get(gone), null, gone)
        t.equal(server.failures.at(-1)?.because, 'unauthorized')
        t.notMatch(await answer.text(), 'html')
      }
  },
)

t.test('a web page never reaches a tool', async t => {
  for (const [status, type] of [
    [200, 'text/html'],
    [200, 'Text/HTML; charset=utf-8'],
    [200, 'application/xhtml+xml'],
    [203, 'text/html'],
    [203, 'application/x-git-upload-pack-advertisement'],
  ] as const) {
    const answer = await ask(git, [status, { 'Content-Type': type }])
    t.equal(answer.status, 502, type)
    t.notMatch(await answer.text(), 'html')
    t.equal(server.failures.at(-1)?.because, 'sign-in-page')
  }
  const before = server.failures.length
  const page = await ask('/fabrikam/page', [200, { 'Content-Type': 'text/html' }])
  t.equal(page.status, 200)
  t.equal(await page.text(), '<html>body</html>', 'people get theirs')
  const error = await ask(git, [404, { 'Content-Type': 'text/html' }])
  t.equal(error.status, 404, 'an error is an error in any dress')
  await error.text()
  t.equal(server.failures.length, before)
})

t.test('a tool is not redirected to another host or path', async t => {
  for (const location of [
    'https://elsewhere.example.org/fabrikam/r.git/info/refs?service=git-upload-pack',
    '//elsewhere.example.org/fabrikam/r.git/info/refs?service=git-upload-pack',
    '/fabrikam/other',
    '/contoso/r.git/info/refs?service=git-upload-pack',
    `${server.url}/contoso/r.git/info/refs?service=git-upload-pack`,
    '/fabrikam-two/r.git/info/refs?service=git-upload-pack',
    '/fabrikam/r.git/info/refs',
    '/fabrikam/r.git/info/refs?service=git-receive-pack',
    'http://[broken',
    undefined,
  ]) {
    const answer = await ask(git, [302, location === undefined ? {} : { Location: location }])
    t.equal(answer.status, 502, location ?? 'nowhere')
    t.equal(answer.headers.get('location'), null)
    t.equal(server.failures.at(-1)?.because, 'redirect')
    await answer.text()
  }
})

t.test('a redirect to a sign-in page means that the upstream rejects the gateway', async t => {
  for (const location of [
    'https://login.microsoftonline.com/x',
    `${upstream.url}/_signin?reply_to=/fabrikam/r.git/info/refs?service=git-upload-pack`,
    '/fabrikam/_signin?realm=x',
  ]) {
    const answer = await ask(git, [302, { Location: location }])
    t.equal(answer.status, 502, location)
    t.equal(answer.headers.get('location'), null)
    t.equal(server.failures.at(-1)?.because, 'unauthorized')
    await answer.text()
  }
})

t.test('a redirect to another spelling of the same resource is translated for the client', async t => {
  for (const [asked, location, expected] of [
    [
      git.replace('r.git', 'r'),
      `${upstream.url}/fabrikam/r.git/info/refs?service=git-upload-pack`,
      `${server.url}/fabrikam/r.git/info/refs?service=git-upload-pack`,
    ],
    [
      '/moved/r/info/refs?service=git-upload-pack',
      `${upstream.url}/tfs/r.git/info/refs?service=git-upload-pack`,
      `${server.url}/moved/r.git/info/refs?service=git-upload-pack`,
    ],
    [
      '/moved/r/info/refs?service=git-upload-pack',
      '/tfs/r.git/info/refs?service=git-upload-pack',
      `${server.url}/moved/r.git/info/refs?service=git-upload-pack`,
    ],
    [
      git.replace('r.git', 'r'),
      `${server.url}/fabrikam/r.git/info/refs?service=git-upload-pack`,
      `${server.url}/fabrikam/r.git/info/refs?service=git-upload-pack`,
    ],
  ] as const) {
    const answer = await ask(asked, [301, { Location: location }])
    t.equal(answer.status, 301, location)
    t.equal(answer.headers.get('location'), expected)
    await answer.text()
  }
  const outside = await ask('/moved/r/info/refs?service=git-upload-pack', [
    301,
    { Location: `${upstream.url}/elsewhere/r.git/info/refs?service=git-upload-pack` },
  ])
  t.equal(outside.status, 502, 'but not out of the account')
  await outside.text()
})

t.test(
  'browsers are redirected as the upstream says, within the account to the client\u2019s address',
  async t => {
    for (const [asked, location, expected] of [
      ['/fabrikam/page', 'https://elsewhere.example.org/', 'https://elsewhere.example.org/'],
      ['/fabrikam/page', `${upstream.url}/fabrikam/b?c#d`, `${server.url}/fabrikam/b?c#d`],
      ['/moved/page', '/tfs/b', `${server.url}/moved/b`],
      ['/moved/page', '/elsewhere', '/elsewhere'],
    ] as const) {
      const answer = await ask(asked, [302, { Location: location }])
      t.equal(answer.status, 302)
      t.equal(answer.headers.get('location'), expected)
      await answer.text()
    }
  },
)

t.test('304 is not a redirect', async t => {
  const answer = await ask(git, [304, {}])
  t.equal(answer.status, 304)
})

const storage = 'https://x1.blob.core.example/c/f?sv=1&sig=a%2Fb%3D'
const signIn = 'https://login.microsoftonline.com/common/oauth2/authorize?client_id=x'
const html = { 'Content-Type': 'text/html; charset=utf-8' }
const zip = { 'Content-Type': 'application/octet-stream' }

/** Answers for the columns of the table. `again` as `Location` stands for the request's own URL. */
const answers: Readonly<Record<string, readonly Head[]>> = {
  'sign-in redirect': [
    ...[301, 302, 303, 307, 308].map((status): Head => [status, { Location: signIn }]),
    [302, { Location: '/fabrikam/_signin?realm=x' }],
    [302, { Location: 'again', 'X-TFS-FedAuthRedirect': 'https://sign-in.example.org/' }],
  ],
  'to the same': [
    [301, { Location: 'again' }],
    [308, { Location: 'again' }],
  ],
  elsewhere: [302, 303, 307, 308].map((status): Head => [status, { Location: storage }]),
  'sign-in page': [
    [203, html],
    [200, { ...html, 'X-TFS-FedAuthIssuer': 'https://sign-in.example.org/' }],
  ],
  '203': [[203, zip]],
  page: [
    [200, html],
    [201, html],
    [200, { 'Content-Type': 'Application/XHTML+xml' }],
  ],
  'anything else': [
    [200, zip],
    [206, { ...zip, 'Content-Range': 'bytes 0-3/9' }],
    [200, { 'Content-Type': 'text/htmlx' }],
    [404, html],
    [500, html],
    [503, html],
  ],
}

const table: Readonly<Record<string, readonly string[]>> = {
  // The kinds of answers that are withheld, by path.
  'sign-in redirect, elsewhere, sign-in page, 203, page': [
    '/r.git/info/refs?service=git-upload-pack',
    '/p/_git/r/info/refs?service=git-receive-pack',
    '/r/info/refs',
    '/r.git/git-upload-pack',
    '/p/_git/r/git-receive-pack',
  ],
  'sign-in redirect, sign-in page, page': [
    '/r.git/info/lfs/objects/batch',
    '/r.git/info/lfs/locks',
    '/r.git/info/lfs/locks/7/unlock',
    '/r.git/info/lfs/verify',
    '/DefaultCollection/VersionControl/v1.0/Repository.asmx',
    '/TeamFoundation/Administration/v3.0/LocationService.asmx',
    '/DefaultCollection/WorkItemTracking/v1.0/ClientService.asmx',
    '/DefaultCollection/Build/v4.0/BuildService.asmx',
  ],
  'sign-in redirect, sign-in page': [
    '/r.git/info/lfs/objects/0123456789abcdef',
    '/DefaultCollection/VersionControl/v1.0/item.ashx?fid=1',
    '/DefaultCollection/VersionControl/v1.0/Upload.ashx',
    '/VersionControl/v1.0/item.asmx?x',
    '/VersionControl/v1.0/upload.asmx',
    '/VersionControlProxy/V1.0/item.asmx?fid=1',
    '/DefaultCollection/WorkItemTracking/v1.0/AttachFileHandler.ashx?FileID=1',
    '/DefaultCollection/Services/v1.0/FileHandler.ashx',
    '/DefaultCollection/TestManagement/v1.0/AttachmentDownload.ashx?id=1',
    '/_tfs_resources/VersionControl/v1.0/x',
    '/DefaultCollection/_api/_versioncontrol/itemContent?path=x',
    '/_apis/build/builds/1/artifacts?artifactName=d&$format=zip',
    '/p/_apis/git/repositories/r/items?path=/a.html',
    '/_apis/resources/Containers/1?itemPath=a.html',
    '/_apis/connectionData',
    '/_packaging/feed/pypi/simple/requests/',
    '/_packaging/feed/nuget/v3/index.json',
    '/pypi/simple/',
  ],
  '': [
    '/',
    '/p/wiki',
    '/p/_git/r',
    '/r.git',
    '/r.git/HEAD',
    '/my.github/x',
    '/info/references',
    '/x/login',
    '/npm/package',
  ],
}

for (const [refused, paths] of Object.entries(table))
  for (const path of paths)
    t.test(`the table holds for ${path}`, async t => {
      for (const [kind, heads] of Object.entries(answers))
        for (const [status, headers] of heads) {
          const location =
            headers['Location'] === 'again' ? `${server.url}/fabrikam${path}` : headers['Location']
          const answer = await ask(`/fabrikam${path}`, [
            status,
            { ...headers, ...(location && { Location: location }) },
          ])
          const what = `${kind}: ${status} ${JSON.stringify(headers)}`
          const text = await answer.text()
          if (refused.split(', ').includes(kind)) {
            t.equal(answer.status, 502, what)
            t.equal(answer.headers.get('location'), null, what)
            t.notMatch(text, '<html>', what)
          } else {
            t.equal(answer.status, status, what)
            t.equal(answer.headers.get('location'), location ?? null, what)
            t.equal(text, '<html>body</html>', what)
          }
        }
    })

t.test('of several redirects in one answer, the worst counts', async t => {
  for (const [path, locations] of [
    [
      '/r.git/info/refs',
      [`${server.url}/fabrikam/r.git/info/refs`, 'https://elsewhere.example.org/r.git/info/refs'],
    ],
    ['/VersionControl/v1.0/item.ashx', [storage, signIn]],
  ] as const) {
    const answer = await ask(`/fabrikam${path}`, [302, { Location: [...locations] }])
    t.equal(answer.status, 502, path)
    await answer.text()
  }
})
