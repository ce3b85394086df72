import { answerOf, type PublicCase } from './case.ts'

/**
 * The addresses of these upstreams are known only when they listen, so they answer with `{upstream}` in its place.
 */
const answers: readonly PublicCase[] = [
  '200 OK',
  '201 Created',
  '202 Accepted',
  '303 See Other',
  '404 Not Found',
].flatMap(status =>
  ['Location', 'Content-Location', 'Operation-Location'].map(name => ({
    name: `${name} of ${status.slice(0, 3)} gets the public address`,
    reported: name === 'Location' ? 'tinyproxy 426' : 'RFC 9110, 8.7',
    request: 'PUT /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\nContent-Length: 0\n{close}\n\n',
    publicUrl: 'http://git.example.com',
    upstream: answerOf(status, { [name]: '{upstream}/fabrikam/x/1?a=b%2Fc' }),
    answer: [new RegExp(`^${name}: http://git\\.example\\.com/fabrikam/x/1\\?a=b%2Fc\\r$`, 'm')],
    never: /127\.0\.0\.1/,
  })),
)

/** Where a cookie is for, and where the client gets it for. */
const cookies: readonly PublicCase[] = (
  [
    ['Domain=127.0.0.1; Secure', undefined, 'Secure', 'warp-tech/warpgate 2048'],
    ['domain = 127.0.0.1', undefined, undefined, 'warp-tech/warpgate 2048'],
    ['Domain=.example.com', undefined, 'Domain=.example.com', 'RFC 6265, 5.3'],
    ['Domain=elsewhere.example', undefined, 'Domain=elsewhere.example', 'RFC 6265, 5.3'],
    ['Path=/fabrikam/x; Secure', undefined, 'Path=/fabrikam/x; Secure', 'angular/angular-cli 12875'],
    ['Path=/tfs', '/tfs', 'Path=/fabrikam', 'angular/angular-cli 12875'],
    ['path=/tfs/p; Secure', '/tfs', 'path=/fabrikam/p; Secure', 'http-party/node-http-proxy 1235'],
    ['Path=/', '/tfs', 'Path=/', 'http-party/node-http-proxy 1235'],
    ['Path=/tfsx', '/tfs', 'Path=/tfsx', 'http-party/node-http-proxy 1235'],
    ['Path=/', '/', 'Path=/fabrikam/', 'cherokee/webserver 853'],
  ] as const
).map(([attributes, upstreamPath, got, reported]) => ({
  name: `a cookie with ${attributes} of an upstream at ${upstreamPath ?? 'the account'} is sent back`,
  reported,
  request: 'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
  ...(upstreamPath !== undefined && { upstreamPath }),
  upstream: answerOf('200 OK', { 'Set-Cookie': `a="b;c"; ${attributes}` }),
  answer: [new RegExp(`^Set-Cookie: a="b;c"${got === undefined ? '' : `; ${got}`}\\r$`, 'm')],
}))

function move(method: string, destination: string): string {
  const lines = [
    `${method} /fabrikam/a HTTP/1.1`,
    'Host: git.example.com',
    '{auth}',
    `Destination: ${destination}`,
  ]
  return `${[...lines, 'X-Forwarded-Proto: https', '{close}'].join('\n')}\n\n`
}

const moved: readonly PublicCase[] = (
  [
    ['MOVE', 'https://git.example.com/fabrikam/b%20c', 'nginx-proxy 451'],
    ['COPY', 'https://git.example.com/fabrikam/b%20c', 'wsgidav 183'],
    ['MOVE', 'HTTPS://GIT.example.com:443/fabrikam/b%20c', 'seafile 2336'],
    ['COPY', 'http://git.example.com/fabrikam/b%20c', 'keeweb 1154'],
  ] as const
).map(([method, destination, reported]) => ({
  name: `${method} to ${destination} is translated for the upstream`,
  reported,
  request: move(method, destination),
  trustedProxies: ['127.0.0.1'],
  upstream: answerOf('201 Created'),
  answer: [/^HTTP\/1\.1 201 /],
  forwardAuth: 200,
  forwarded: [/^Destination: http:\/\/127\.0\.0\.1:\d+\/fabrikam\/b%20c\r$/m],
}))

const movedBehind: PublicCase = {
  name: 'a file is moved to the public address where a proxy has changed the host',
  reported: 'RFC 4918, 10.3',
  request: move('MOVE', 'https://git.example.com/fabrikam/b').replace('Host: git', 'Host: altgate'),
  upstream: answerOf('201 Created'),
  answer: [/^HTTP\/1\.1 201 /],
  forwarded: [/^Destination: http:\/\/127\.0\.0\.1:\d+\/fabrikam\/b\r$/m],
}

const movedAway: PublicCase = {
  name: 'where the host names the account, the public URL is not one of the account',
  reported: 'RFC 4918, 9.9.4',
  request: move('MOVE', 'https://git.example.com/b').replace('Host: git', 'Host: fabrikam'),
  naming: { by: 'host', suffix: '.example.com' },
  answer: [/^HTTP\/1\.1 400 /],
}

const refused: readonly PublicCase[] = [
  'https://git.example.com/contoso/b',
  '/contoso/b',
  'https://git.example.com/fabrikam/%2e%2e/contoso/b',
  'https://elsewhere.example/fabrikam/b',
  'https://git.example.com\\@elsewhere.example/fabrikam/b',
].map(destination => ({
  name: `nothing is moved to ${destination}`,
  reported: 'RFC 4918, 9.9.4',
  request: move('MOVE', destination),
  trustedProxies: ['127.0.0.1'],
  answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
  forwardAuth: 403,
}))

const doubled: PublicCase = {
  name: 'a path that would begin with two slashes at the upstream is refused and recorded',
  reported: 'RFC 3986, 4.2',
  request: 'GET /fabrikam//elsewhere.example/x HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
  upstreamPath: '/',
  answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
}

export const cases: readonly PublicCase[] = [
  ...answers,
  ...cookies,
  ...moved,
  movedBehind,
  movedAway,
  ...refused,
  doubled,
]
