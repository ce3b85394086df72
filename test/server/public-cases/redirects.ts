import { answerOf, type PublicCase } from './case.ts'

/** `GET` of a path in the account, from a host. */
function get(path: string, host = 'git.example.com', more = ''): string {
  return `GET ${path} HTTP/1.1\nHost: ${host}\n{auth}\n${more}{close}\n\n`
}

const storage = 'https://x1.blob.core.example/c/f?sv=1&se=2%3A0&sig=a%2Fb%3D'

/** Downloads that lie elsewhere: the address arrives byte for byte. */
const downloads: readonly PublicCase[] = [
  ['/fabrikam/_apis/build/builds/1/artifacts?artifactName=d&$format=zip', 'azure-devops-extension-api 48'],
  ['/fabrikam/r.git/info/lfs/objects/0123', 'josh 656'],
  ['/fabrikam/_packaging/f/nuget/v3/flat2/a/1.0/a.nupkg', 'RFC 9110, 15.4'],
  ['/fabrikam/p/_apis/git/repositories/r/items?path=/a', 'RFC 9110, 15.4'],
  ['/fabrikam/VersionControl/v1.0/item.ashx?fid=1', 'RFC 9110, 15.4'],
].flatMap(([path = '', reported = '']) =>
  ['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'].map(status => ({
    name: `${status.slice(0, 3)} from ${path} to storage is passed on`,
    reported,
    request: get(path),
    upstream: answerOf(status, { Location: storage }, 'moved'),
    answer: [new RegExp(`^HTTP/1\\.1 ${status.slice(0, 3)} `), line('Location', storage), /moved$/],
  })),
)

/** Sign-in redirects on paths where a tool takes the page for what it asked. */
const signIns: readonly PublicCase[] = [
  'https://login.microsoftonline.com/common/oauth2/authorize?client_id=x',
  'https://login.microsoftonline.us/x',
  'https://app.vssps.visualstudio.com/_signin?realm=x&reply_to=y',
  '/fabrikam/_signin?realm=x',
  '/users/sign_in',
].flatMap(location =>
  [
    '/fabrikam/r.git/info/refs?service=git-upload-pack',
    '/fabrikam/r.git/info/lfs/objects/0123',
    '/fabrikam/DefaultCollection/VersionControl/v1.0/item.ashx?fid=1',
    '/fabrikam/_apis/build/builds/1/artifacts?artifactName=d&$format=zip',
    '/fabrikam/_packaging/f/pypi/simple/a/',
  ].map(path => ({
    name: `a redirect from ${path} to ${location} is kept`,
    reported: 'sentry-plugins 271',
    request: get(path),
    upstream: answerOf('302 Found', { Location: location }, 'sign in'),
    answer: [/^HTTP\/1\.1 502 /, line('X-Altgate-Outcome', 'upstream-failed')],
    never: /^Location:|sign in$/im,
  })),
)

/** Redirects of a renamed repository, in the words of `X-Forwarded-Proto` and `X-Forwarded-Host`. */
const renamed: readonly PublicCase[] = (
  [
    ['LOCALHOST:8080', 'http://localhost:8080', false],
    ['localhost:8080', 'http://LOCALHOST:8080', false],
    ['git.example.com:80', 'http://git.example.com', false],
    ['git.example.com:80', 'http://git.example.com:80', false],
    ['git.example.com', 'http://git.example.com:80', false],
    ['git.example.com.', 'http://git.example.com.', false],
    ['git.example.com.', 'http://git.example.com', false],
    ['[0:0:0:0:0:0:0:1]:8080', 'http://[::1]:8080', false],
    ['[0:0:0:0:0:0:0:1]:8080', 'http://[0:0:0:0:0:0:0:1]:8080', false],
    ['git.example.com:443', 'https://git.example.com', true],
    ['git.example.com:443', 'https://git.example.com:443', true],
    ['GIT.example.com', 'HTTPS://git.example.com:443', true],
  ] as const
).map(([host, told, secure]) => ({
  name: `a renamed repository is found as ${told} by a client of ${host}`,
  reported: 'RFC 9110, 4.2.3',
  request: get(
    '/fabrikam/old.git/info/refs?service=git-upload-pack',
    host,
    secure ? 'X-Forwarded-Proto: https\n' : '',
  ),
  trustedProxies: secure ? ['127.0.0.1'] : [],
  publicUrl: 'http://git.example.com',
  upstream: answerOf('301 Moved', { Location: `${told}/fabrikam/new.git/info/refs?service=git-upload-pack` }),
  answer: [
    /^HTTP\/1\.1 301 /,
    /^Location: https?:\/\/\S+\/fabrikam\/new\.git\/info\/refs\?service=git-upload-pack\r$/im,
  ],
}))

/** A proxy in front that sends a host of its own, as nginx does unless it is told otherwise. */
const otherHost: readonly PublicCase[] = [
  '{upstream}',
  'http://altgate.internal:8080',
  'https://git.example.com',
].map(told => ({
  name: `a renamed repository is found as ${told} where a proxy has changed the host`,
  reported: 'RFC 9110, 4.3.3',
  request: get('/fabrikam/old.git/info/refs?service=git-upload-pack', 'altgate.internal:8080'),
  upstream: answerOf('301 Moved', { Location: `${told}/fabrikam/new.git/info/refs?service=git-upload-pack` }),
  answer: [
    /^HTTP\/1\.1 301 /,
    line(
      'Location',
      `${told.replace('{upstream}', 'http://altgate.internal:8080')}/fabrikam/new.git/info/refs?service=git-upload-pack`,
    ),
  ],
}))

/** Queries that some parsers escape when they build an address anew, and others leave alone. */
const odd: readonly PublicCase[] = [
  ['x="a"', 'x=%22a%22'],
  ["x='<a>\\", 'x=%27%3Ca%3E%5C'],
  ['x=\\CI|^{a}`', 'x=%5cCI%7c%5e%7ba%7d%60'],
  ['x=\\CI|^{a}`"<>\'', 'x=\\CI|^{a}`"<>\''],
  ['x=a', 'x=a \t'],
].map(([asked = '', told = '']) => ({
  name: `a renamed repository is found where the query ${asked} comes back as ${JSON.stringify(told)}`,
  reported: 'RFC 3986, 3.4',
  request: get(`/fabrikam/old.git/info/refs?${asked}`),
  publicUrl: 'http://git.example.com',
  upstream: answerOf('301 Moved', { Location: `{upstream}/fabrikam/new.git/info/refs?${told}` }),
  answer: [
    /^HTTP\/1\.1 301 /,
    line('Location', `http://git.example.com/fabrikam/new.git/info/refs?${told.trim()}`),
  ],
}))

function line(name: string, value: string): RegExp {
  return new RegExp(`^${name}: ${value.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&')}\\r$`, 'm')
}

export const cases: readonly PublicCase[] = [...downloads, ...signIns, ...renamed, ...otherHost, ...odd]
