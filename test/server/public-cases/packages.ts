import { answerOf, type PublicCase } from './case.ts'

/** Requests of package managers that are not in any browser's or git's way of asking. */
export const cases: readonly PublicCase[] = [
  {
    name: 'apt asks for a flat repository with a plain ./, and gets it',
    reported: 'zotero-standalone-build 52',
    request: 'GET /fabrikam/deb/./InRelease HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
    upstream: answerOf('200 OK', {}, 'Suite: stable'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /Suite: stable$/],
    forwarded: [/^GET \/fabrikam\/deb\/\.\/InRelease HTTP\/1\.1\r\n/],
    forwardAuth: 200,
  },
  {
    name: 'apt asks for it at the root of the account, whose upstream has a path',
    reported: 'aptly 905',
    request: 'GET /fabrikam/./Packages HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
    upstreamPath: '/',
    upstream: answerOf('200 OK', {}, 'Package: acme'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /Package: acme$/],
    forwarded: [/^GET \/\.\/Packages HTTP\/1\.1\r\n/],
  },
  {
    name: 'and at the root of a host',
    reported: 'aptly 905',
    request: 'GET /./Packages HTTP/1.1\nHost: fabrikam.example.com\n{auth}\n{close}\n\n',
    naming: { by: 'host', suffix: '.example.com' },
    upstream: answerOf('200 OK', {}, 'Package: acme'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/],
    forwarded: [/^GET \/\.\/Packages HTTP\/1\.1\r\n/],
    forwardAuth: 200,
  },
  ...[
    '/./fabrikam/Packages',
    '/fabrikam/./../contoso/Packages',
    '/fabrikam/.//contoso/Packages',
    '/fabrikam/./%2e%2e/contoso/Packages',
    '/fabrikam/.;/Packages',
    '/fabrikam/%2e/Packages',
    '/fabrikam/deb/.',
  ].map(target => ({
    name: `a ./ that leads elsewhere, or that can be read in two ways, is refused: ${target}`,
    reported: 'RFC 3986, 5.2.4',
    request: `GET ${target} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 400 Bad Request\r\n/, /contains a dot segment/],
    forwardAuth: 403,
  })),
  {
    name: 'docker learns from the challenge that this is a registry, and may read why',
    reported: 'distribution 397',
    request: 'GET /v2/ HTTP/1.1\nHost: fabrikam.example.com\nUser-Agent: docker/1.8.2\n{close}\n\n',
    naming: { by: 'host', suffix: '.example.com' },
    answer: [
      /^HTTP\/1\.1 401 Unauthorized\r\n/,
      /\r\nDocker-Distribution-Api-Version: registry\/2\.0\r\n/,
      /\r\nWWW-Authenticate: Basic realm="fabrikam", charset="UTF-8"\r\n/,
      /\{"errors":\[\{"code":"UNAUTHORIZED","message":"Sign in with your alternate credentials\./,
    ],
    forwardAuth: 401,
  },
  {
    name: 'a registry that hands out tokens of its own is not asked for by a client that has a password here',
    reported: 'distribution 1028',
    request: 'GET /v2/app/manifests/1 HTTP/1.1\nHost: fabrikam.example.com\n{auth}\n{close}\n\n',
    naming: { by: 'host', suffix: '.example.com' },
    upstream: answerOf('401 Unauthorized', {
      'WWW-Authenticate': 'Bearer realm="https://auth.example.com/token",service="registry"',
    }),
    answer: [/^HTTP\/1\.1 502 Bad Gateway\r\n/, /"message":"The service behind this gateway rejected/],
    never: /auth\.example\.com|Bearer/,
  },
  {
    name: 'the next part of an upload to a registry goes to the address that the client knows',
    reported: 'distribution 1205',
    request:
      'POST /v2/app/blobs/uploads/ HTTP/1.1\nHost: fabrikam.example.com\n{auth}\nContent-Length: 0\n{close}\n\n',
    naming: { by: 'host', suffix: '.example.com' },
    publicUrl: 'http://git.example.com',
    upstream: answerOf('202 Accepted', {
      Location: '{upstream}/v2/app/blobs/uploads/6b3c?_state=x%3D%3D',
      Range: '0-0',
      'Docker-Upload-UUID': '6b3c',
    }),
    answer: [
      /^HTTP\/1\.1 202 Accepted\r\n/,
      /\r\nLocation: http:\/\/fabrikam\.example\.com\/v2\/app\/blobs\/uploads\/6b3c\?_state=x%3D%3D\r\n/,
    ],
  },
  {
    name: 'a scoped package is asked for with its slash escaped, and keeps the escape',
    reported: 'verdaccio 205',
    request: 'GET /fabrikam/npm/@scope%2Fname HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
    upstream: answerOf('200 OK', {}, '{}'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/],
    forwarded: [/^GET \/fabrikam\/npm\/@scope%2Fname HTTP\/1\.1\r\n/],
    forwardAuth: 200,
  },
  {
    name: 'matrix parameters, a plus, a tilde, an exclamation mark and a question mark alone stay as they are',
    reported: 'RFC 3986, 3.3',
    request:
      'GET /fabrikam/repo/a;x=1;y=b+c/!up/1.0~rc1+b1/a%2Bb//c.jar? HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n',
    upstream: answerOf('200 OK', {}, 'x'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/],
    forwarded: [/^GET \/fabrikam\/repo\/a;x=1;y=b\+c\/!up\/1\.0~rc1\+b1\/a%2Bb\/\/c\.jar\? HTTP\/1\.1\r\n/],
    forwardAuth: 200,
  },
]
