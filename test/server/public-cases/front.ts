import { answerOf, type PublicCase } from './case.ts'

/** What is in front of the gateway: proxies, host names, old clients, unusual URLs. */
const hello = answerOf('200 OK', {}, 'hello')
const passed = [/^HTTP\/1\.1 200 OK\r\n/, /hello$/]
const get = 'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n'
const byHost = { by: 'host', suffix: '.example.com' } as const
const twoProxies = ['127.0.0.1', '10.0.0.0/8']

const behindProxies: readonly PublicCase[] = [
  {
    name: 'behind two proxies the client\u2019s own hop says whether it was https',
    reported: 'aspnet/BasicMiddleware 18',
    request: `${get}X-Forwarded-For: 203.0.113.9, 10.0.0.5\nX-Forwarded-Proto: https, http\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    forwarded: [
      /^X-Forwarded-For: 203\.0\.113\.9, 10\.0\.0\.5, 127\.0\.0\.1\r$/m,
      /^X-Forwarded-Proto: https\r$/m,
    ],
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'https between two proxies does not make plain http in front of them secure',
    reported: 'Pylons/waitress 442',
    request: `${get}X-Forwarded-For: 203.0.113.9, 10.0.0.5\nX-Forwarded-Proto: http, https\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 403 /],
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'lists in several lines are one list',
    reported: 'RFC 9110 5.3',
    request: `${get}X-Forwarded-For: 6.6.6.6\nX-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\nX-Forwarded-Proto: https\nX-Forwarded-For: 10.0.0.5\nX-Forwarded-Proto: http\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    forwarded: [/^X-Forwarded-For: 203\.0\.113\.9, 10\.0\.0\.5, 127\.0\.0\.1\r$/m],
    notForwarded: /6\.6\.6\.6/,
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'a proxy that overwrites instead of appending is trusted as well',
    reported: 'rack/rack 311',
    request: `${get}X-Forwarded-For: 203.0.113.9, 10.0.0.5\nX-Forwarded-Proto: https\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'https that a client claims left of its own hop is ignored',
    reported: 'django/django 15488',
    request: `${get}X-Forwarded-For: 10.0.0.7, 203.0.113.9, 10.0.0.5\nX-Forwarded-Proto: https, http, http\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 403 /],
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'the host is that of the client\u2019s own hop, where each proxy appends its own',
    reported: 'RFC 7239 5.3',
    request: `${get}X-Forwarded-For: 203.0.113.9, 10.0.0.5\nX-Forwarded-Host: public.example.com, mid.internal\n{close}\n\n`,
    upstream: answerOf('302 Found', { Location: '{upstream}/fabrikam/y' }),
    answer: [/^HTTP\/1\.1 302 /, /^Location: http:\/\/public\.example\.com\/fabrikam\/y\r$/m],
    forwarded: [/^X-Forwarded-Host: public\.example\.com\r$/m],
    notForwarded: /mid\.internal/,
    trustedProxies: twoProxies,
  },
  {
    name: 'Forwarded says the same as X-Forwarded-*',
    reported: 'RFC 7239 4',
    request: `${get}Forwarded: for="203.0.113.9:4711";proto=https;host=public.example.com, for=10.0.0.5;proto=http;host=mid.internal\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    forwarded: [
      /^X-Forwarded-For: 203\.0\.113\.9, 10\.0\.0\.5, 127\.0\.0\.1\r$/m,
      /^X-Forwarded-Proto: https\r$/m,
      /^X-Forwarded-Host: public\.example\.com\r$/m,
    ],
    notForwarded: /^Forwarded:/m,
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  {
    name: 'Forwarded of a client is ignored behind a proxy that knows only X-Forwarded-*',
    reported: 'RFC 7239 8.1',
    request: `${get}Forwarded: for=6.6.6.6;proto=https\nX-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 403 /],
    trustedProxies: twoProxies,
    httpsOnly: true,
  },
  ...(
    [
      ['X-Forwarded-Proto: wss', 200],
      ['X-Forwarded-Proto: ws', 403],
      ['Forwarded: for=203.0.113.9;proto=wss', 200],
      ['Forwarded: for=203.0.113.9;proto=ws', 403],
    ] as const
  ).map(([line, status]) => ({
    name: `a request to upgrade is as secure as its connection: ${line} is ${status}`,
    reported: 'traefik/traefik 6388',
    request: `${get}${line}\nUpgrade: websocket\nConnection: upgrade\n{close}\n\n`,
    ...(status === 200 && { upstream: hello, forwarded: [/^X-Forwarded-Proto: https\r$/m] }),
    answer: [new RegExp(`^HTTP/1\\.1 ${status} `)],
    trustedProxies: ['127.0.0.1'],
    httpsOnly: true as const,
  })),
  {
    name: 'a port and an address that a client claims are not forwarded',
    reported: 'RFC 7239 8.1',
    request: `${get}X-Forwarded-For: 203.0.113.9, 10.0.0.5\nX-Forwarded-Port: 1, 443, 8080\nX-Real-IP: 6.6.6.6\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    forwarded: [/^X-Forwarded-Port: 443\r$/m, /^X-Real-IP: 203\.0\.113\.9\r$/m],
    notForwarded: /6\.6\.6\.6|8080/,
    trustedProxies: twoProxies,
  },
]

/** Spellings of one host. */
const sameHost: readonly PublicCase[] = [
  'fabrikam.example.com.',
  'fabrikam.example.com.:8080',
  'FABRIKAM.Example.COM:443',
  'fabrikam.example.com:',
].map(host => ({
  name: `an account that the host names is the same one as ${host}`,
  reported: 'istio/istio 18904',
  request: `GET /x HTTP/1.1\nHost: ${host}\n{auth}\n{close}\n\n`,
  upstream: hello,
  answer: passed,
  forwarded: [/^X-Altgate-Account: fabrikam\r$/m],
  naming: byHost,
  forwardAuth: 200,
}))

const noHost: readonly PublicCase[] = [
  'fabrikam.example.com..',
  '.fabrikam.example.com.',
  'fabrikam..example.com',
].map(host => ({
  name: `${host} names no account`,
  reported: 'RFC 1034 3.1',
  request: `GET /x HTTP/1.1\nHost: ${host}\n{auth}\n{close}\n\n`,
  answer: [/^HTTP\/1\.1 404 /],
  naming: byHost,
  forwardAuth: 403,
}))

const notInLinks: readonly PublicCase[] = [
  'git.example.com:99999',
  'git.example.com:x',
  '[',
  ':',
  '[::1]x',
  '1.2.3.4.5',
  '',
  ' \t',
].map(host => ({
  name: `a host that no URL can have is 400: "${host}"`,
  reported: 'RFC 9112 3.2',
  request: `GET /fabrikam/x HTTP/1.1\nHost: ${host}\n{auth}\n{close}\n\n`,
  answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
  forwardAuth: 403,
}))

const oldClients: readonly PublicCase[] = [
  ['', ''],
  ['with an empty Host', 'Host:\n'],
].flatMap(([what = '', line = '']) => [
  {
    name: `HTTP/1.0 ${what || 'without Host'} means the public address`,
    reported: 'RFC 9112 3.3',
    request: `GET /fabrikam/x HTTP/1.0\n${line}{auth}\n{close}\n\n`,
    upstream: answerOf('302 Found', { Location: '{upstream}/fabrikam/y' }),
    answer: [/^HTTP\/1\.1 302 /, /^Location: https:\/\/git\.example\.com\/fabrikam\/y\r$/m],
    forwarded: [/^X-Forwarded-Proto: http\r$/m, /^X-Forwarded-Host: git\.example\.com\r$/m],
  },
  {
    name: `HTTP/1.0 ${what || 'without Host'} is redirected on the paths of tools, too`,
    reported: 'RFC 9112 3.3',
    request: `GET /fabrikam/r/info/refs?service=git-upload-pack HTTP/1.0\n${line}{auth}\n{close}\n\n`,
    upstream: answerOf('301 Moved', {
      Location: '{upstream}/fabrikam/r.git/info/refs?service=git-upload-pack',
    }),
    answer: [
      /^HTTP\/1\.1 301 /,
      /^Location: https:\/\/git\.example\.com\/fabrikam\/r\.git\/info\/refs\?service=git-upload-pack\r$/m,
    ],
  },
])

const queries: readonly PublicCase[] = [
  'path=\\CI',
  'a=|',
  'a=^',
  'a={b}',
  'a="b"',
  'a=<b>',
  'a=`',
  'a=[b]',
  'a=\\..\\..\\',
  "a='",
].map(query => ({
  name: `a query decides nothing and is forwarded unchanged: ${query}`,
  reported: 'arachni/arachni 392',
  request: `GET /fabrikam/x?${query} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
  upstream: hello,
  answer: passed,
  forwarded: [
    new RegExp(`^GET /fabrikam/x\\?${query.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')} HTTP/1\\.1\\r$`, 'm'),
  ],
  forwardAuth: 200,
}))

const strict: readonly PublicCase[] = [
  ['/fabrikam\\x?a', 'a backslash in the path'],
  ['/fabrikam/x%5c?a', 'an escaped one'],
  ['/fabrikam/%c0%ae%c0%ae/contoso/x', 'a dot segment in overlong UTF-8'],
  ['/fabrikam/..%c1%9ccontoso/x', 'a backslash in overlong UTF-8'],
  ['/fabrikam/x?a=\xe9', 'a byte beyond ASCII, which Node reads in no target,'],
  ['/fabrikam/x?a=\x80', 'a byte that is no UTF-8'],
  ['/fabrikam/x?a=\x7f', 'a control character'],
  ['/fabrikam/x?a#b', 'a fragment'],
].map(([target = '', what = '']) => ({
  name: `${what} is 400`,
  reported: 'RFC 9112 3.2',
  request: `GET ${target} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
  answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
}))

const oddAddresses: readonly PublicCase[] = [
  ...[
    ['http://git.example.com/fabrikam/x?a=b', 'honojs/node-server 228'],
    ['HTTPS://GIT.example.com/fabrikam/x?a=b', 'zoxy-io/zoxy 233'],
  ].map(([target, reported = '']) => ({
    name: `the absolute form of the same host is read without it: ${target}`,
    reported,
    request: `GET ${target} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
    upstream: hello,
    answer: passed,
    forwarded: [/^GET \/fabrikam\/x\?a=b HTTP\/1\.1\r$/m, /^X-Forwarded-Proto: http\r$/m],
  })),
  {
    name: 'a body that waits for 100 is carried in the absolute form as well',
    reported: 'mitmproxy 2079',
    request:
      'POST http://git.example.com/fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\nExpect: 100-continue\nContent-Length: 2\n{close}\n\nhi',
    upstream: hello,
    answer: [/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/, /hello$/],
    forwarded: [/^POST \/fabrikam\/x HTTP\/1\.1\r$/m, /\r\n\r\nhi$/],
  },
  ...[
    'http://elsewhere.example/fabrikam/x',
    'http://git.example.com:8080/fabrikam/x',
    'http://git.example.com@elsewhere.example/fabrikam/x',
    'http://git.example.com\\@elsewhere.example/fabrikam/x',
    'http://git.example.com//fabrikam/x',
    'http://git.example.com/fabrikam/../contoso/x',
    'http://git.example.com/_altgate/keys',
    'http:///fabrikam/x',
    'http:/fabrikam/x',
    'ftp://git.example.com/fabrikam/x',
    'git.example.com/fabrikam/x',
  ].map(target => ({
    name: `no other absolute form is: ${target}`,
    reported: 'RFC 9112 3.2.2',
    request: `GET ${target} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
    forwardAuth: 403,
  })),
  {
    name: 'CONNECT gets an answer',
    reported: 'ExpediaGroup/styx 312',
    request: 'CONNECT git.example.com:443 HTTP/1.1\nHost: git.example.com:443\n{auth}\n{close}\n\n',
    answer: [/^HTTP\/1\.1 403 /, /^X-Altgate-Outcome: not-allowed\r$/m, /\nReference: \w+\n$/],
  },
  {
    name: 'a URL that is too long is told so',
    reported: 'RFC 6585 5',
    request: `GET /fabrikam/x?${'a'.repeat(40_000)} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 431 /, /headers are too long/],
  },
  {
    name: 'an HTTP/1.0 client that keeps its connection gets keep-alive',
    reported: 'RFC 9112 9.3',
    request: 'GET /fabrikam/x HTTP/1.0\nHost: git.example.com\nConnection: keep-alive\n{auth}\n\n',
    upstream: hello,
    answer: [/hello$/, /^Connection: keep-alive\r$/m, /^Content-Length: 5\r$/m],
  },
  {
    name: 'an HTTP/1.0 client gets no chunks: the end of the connection is the end of the body',
    reported: 'RFC 9112 6.1',
    request: 'GET /fabrikam/x HTTP/1.0\nHost: git.example.com\n{auth}\n{close}\n\n',
    upstream: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    answer: [/\r\n\r\nhello$/],
    never: /transfer-encoding/i,
  },
]

const manyHeaders = 'a: b\n'.repeat(5000)

const manyLines: readonly PublicCase[] = [
  {
    name: 'five thousand headers are forwarded, and the last ones count like the first',
    reported: 'RFC 9110, 5.4',
    request: `POST /fabrikam/x HTTP/1.1\nHost: git.example.com\n${manyHeaders}{auth}\nContent-Length: 5\n{close}\n\nhello`,
    upstream: hello,
    answer: passed,
    forwarded: [/^(?:a: b\r\n){5000}/m, /^content-length: 5\r$/im, /\r\n\r\nhello$/],
  },
  {
    name: 'a second Host after five thousand headers is refused as well',
    reported: 'RFC 9112, 3.2',
    request: `GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n${manyHeaders}Host: git.example.com\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 400 /],
  },
  {
    name: 'a Destination after five thousand headers is judged like any other',
    reported: 'RFC 4918, 9.9.4',
    request: `MOVE /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n${manyHeaders}Destination: /contoso/x\n{close}\n\n`,
    answer: [/^HTTP\/1\.1 400 /, /^X-Altgate-Outcome: unclear-target\r$/m],
  },
]

export const cases: readonly PublicCase[] = [
  ...behindProxies,
  ...sameHost,
  ...noHost,
  ...notInLinks,
  ...oldClients,
  ...queries,
  ...strict,
  ...oddAddresses,
  ...manyLines,
]
