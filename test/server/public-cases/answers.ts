import { answerOf, type PublicCase } from './case.ts'

const request = 'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n'

/** One answer of the upstream, and what the client gets. */
function passing(name: string, reported: string, upstream: string, ...answer: readonly RegExp[]): PublicCase {
  return { name, reported, request, upstream, answer }
}

const hello = (status: string) => answerOf(status, {}, 'hello')

/** Chunks that could hold anything. */
const gzipped = '3\r\n\x1f\x8b\x08\r\n0\r\n\r\n'

/** Unusual answers of upstreams, valid or not: the client gets their answer, or ours. */
export const cases: readonly PublicCase[] = [
  passing(
    'a reason phrase in Latin-1 is replaced, the status stays',
    'RFC 9112, 4',
    hello('403 Zugriff verwehrt \xe9'),
    /^HTTP\/1\.1 403 Forbidden\r\n/,
    /hello$/,
  ),
  passing(
    'a reason phrase in UTF-8 is replaced, the status stays',
    'RFC 9112, 4',
    hello('404 \xd0\x9d\xd0\xb5\xd1\x82'),
    /^HTTP\/1\.1 404 Not Found\r\n/,
    /hello$/,
  ),
  passing(
    'a control byte in a reason phrase is replaced, the status stays',
    'RFC 9112, 4',
    hello('500 a\x01b'),
    /^HTTP\/1\.1 500 Internal Server Error\r\n/,
    /hello$/,
  ),
  passing(
    'a status without a name of its own passes, and an odd phrase with it goes',
    'RFC 9112, 4',
    hello('599 \xff\xfe'),
    /^HTTP\/1\.1 599 (?:unknown)?\r\n/,
    /hello$/,
  ),
  passing(
    'a status line without a phrase passes',
    'RFC 9112, 4',
    hello('200'),
    /^HTTP\/1\.1 200 \r\n/,
    /hello$/,
  ),
  passing(
    'a status below 100 is no answer',
    'RFC 9110, 15',
    hello('099 Odd'),
    /^HTTP\/1\.1 502 /,
    /\r\nX-Altgate-Outcome: upstream-failed\r\n/,
    /not valid HTTP/,
  ),
  passing(
    'a status above 599 passes as it is',
    'RFC 9110, 15',
    hello('999 Request denied'),
    /^HTTP\/1\.1 999 Request denied\r\n/,
    /hello$/,
  ),
  passing(
    'a body that breaks in its first packet is told, and not an empty reply',
    'RFC 9112, 7.1',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n',
    /^HTTP\/1\.1 502 /,
    /not valid HTTP/,
  ),
  ...[
    ['a 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['a 100 without a phrase', 'HTTP/1.1 100\r\n\r\n'],
    ['a 100 with headers', 'HTTP/1.1 100 Continue\r\nServer: x\r\nContent-Length: 3\r\n\r\n'],
    ['three times 100', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)],
    ['102, 100 and 103', 'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: <a>\r\n\r\n'],
    ['a 100 of HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\n'],
    ['a 103 that says close', 'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n'],
    ['a 199', 'HTTP/1.1 199 Odd\r\n\r\n'],
  ].map(([what = '', interim = '']) =>
    passing(
      `${what} before the answer is passed over`,
      'RFC 9110, 15.2',
      interim + hello('200 OK'),
      /^HTTP\/1\.1 200 OK\r\n/,
      /hello$/,
    ),
  ),
  passing(
    'a 101 that was not asked for is no answer',
    'RFC 9110, 15.2.2',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
    /^HTTP\/1\.1 502 /,
  ),
  ...['GET', 'POST'].map(method => ({
    name: `what follows a 101 that was not asked for is no answer to ${method}`,
    reported: 'RFC 9110, 15.2.2',
    request: method === 'GET' ? request : `POST${request.slice(3, -1)}Content-Length: 0\n\n`,
    upstream: `HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 103 E\r\n\r\n${hello('200 OK')}`,
    answer: [/^HTTP\/1\.1 502 /],
  })),
  passing(
    'headers of 30 KB pass',
    'RFC 9110, 5.4',
    answerOf(
      '200 OK',
      { 'Set-Cookie': `a=${'x'.repeat(10_000)}`, B: 'y'.repeat(10_000), C: 'z'.repeat(10_000) },
      'hello',
    ),
    /^HTTP\/1\.1 200 OK\r\n/,
    /a=x{10000}\r\n/,
    /y{10000}\r\n/,
    /z{10000}\r\n/,
    /hello$/,
  ),
  passing(
    'three thousand headers pass',
    'RFC 9110, 5.3',
    `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(3000)}Content-Length: 5\r\n\r\nhello`,
    /^HTTP\/1\.1 200 OK\r\n(?:x: y\r\n){3000}/,
    /hello$/,
  ),
  passing(
    'headers of 70 KB are too long',
    'RFC 9110, 5.4',
    answerOf('200 OK', { A: 'x'.repeat(70_000) }, 'hello'),
    /^HTTP\/1\.1 502 /,
  ),
  ...[
    ['gzip, chunked', gzipped],
    ['GZIP, CHUNKED', gzipped],
    ['gzip\r\ntransfer-encoding: chunked', gzipped],
    ['chunked\r\nTransfer-Encoding: gzip', gzipped],
    ['chunked, gzip', gzipped],
    ['deflate, gzip, chunked', gzipped],
    ['x-unknown, chunked', gzipped],
    ['identity, chunked', gzipped],
    ['chunked, chunked', gzipped],
    ['chunked\r\nTransfer-Encoding: chunked', gzipped],
    ['chunked;q=1', gzipped],
    ['chunked,', gzipped],
    [', chunked', gzipped],
    ['"chunked"', gzipped],
    ['xchunked', gzipped],
    ['chunked\t', gzipped],
    ['gzip', 'hello'],
    ['', 'hello'],
  ].map(([codings = '', body = '']) =>
    passing(
      `an answer coded as ${JSON.stringify(codings)} is not carried`,
      'RFC 9112, 6.1',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${codings}\r\n\r\n${body}`,
      /^HTTP\/1\.1 502 /,
      /\r\nX-Altgate-Outcome: upstream-failed\r\n/,
      /not valid HTTP/,
    ),
  ),
  ...['chunked', 'Chunked', '  chunked ', '\tchunked'].map(codings =>
    passing(
      `an answer coded as ${JSON.stringify(codings)} is carried`,
      'RFC 9112, 7',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding:${codings}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 200 OK\r\n/,
      /\r\n5\r\nhello\r\n0\r\n\r\n$/,
    ),
  ),
  passing(
    'an answer coded as identity is carried',
    'RFC 2616, 3.6',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello',
    /^HTTP\/1\.1 200 OK\r\n/,
    /\r\n5\r\nhello\r\n0\r\n\r\n$/,
  ),
  ...['Content-Length: 5', 'content-length: 0'].map(length => ({
    ...passing(
      `an answer without content has no length: ${length}`,
      'restify/clients 76',
      `HTTP/1.1 204 No Content\r\n${length}\r\nX-A: b\r\n\r\n`,
      /^HTTP\/1\.1 204 No Content\r\nX-A: b\r\n/,
    ),
    never: /content-length|transfer-encoding/i,
  })),
  passing(
    'an answer without a body has no coding',
    'RFC 9112, 6.1',
    'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    /^HTTP\/1\.1 304 Not Modified\r\n/,
  ),
  passing(
    'header values in UTF-8 arrive as they are',
    'fastify-http-proxy 343',
    answerOf(
      '200 OK',
      { 'X-Powered-By': 'traefik \xe2\x9d\xa4', 'Custom-Response-Header': '\xc3\xa9eek' },
      'hello',
    ),
    /\r\nX-Powered-By: traefik \xe2\x9d\xa4\r\nCustom-Response-Header: \xc3\xa9eek\r\n/,
    /hello$/,
  ),
  passing(
    'a 103 is not taken for the answer',
    'mitmproxy 2229',
    `HTTP/1.1 103 Early Hints\r\nLink: </logo.png>; rel=preload\r\n\r\n${hello('200 OK')}`,
    /^HTTP\/1\.1 200 OK\r\n/,
    /hello$/,
  ),
  passing(
    'the second of two 103 in a row is not taken for the answer',
    'nginx 1241',
    `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(2)}${hello('200 OK')}`,
    /^HTTP\/1\.1 200 OK\r\n/,
    /hello$/,
  ),
  {
    ...passing(
      'the length in a 100 is ignored, and what follows the answer is discarded',
      'nginx 1427',
      [
        'HTTP/1.1 100 Continue\r\nContent-Length: 168\r\n\r\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
        'HTTP/1.1 301 Moved Permanently\r\nLocation: https://evil.example/\r\nX-Unused-Header: ',
      ].join(''),
      /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\n/,
    ),
    never: /301|evil/,
  },
  passing(
    'headers of 20 KB pass, as cookies make them',
    'api.data.gov 461',
    answerOf('200 OK', { 'Set-Cookie': `a=${'x'.repeat(20_000)}` }, 'hello'),
    /^HTTP\/1\.1 200 OK\r\n/,
    /a=x{20000}\r\n/,
    /hello$/,
  ),
  passing(
    'an answer whose only coding is gzip is not carried',
    'trafficserver 7590',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00',
    /^HTTP\/1\.1 502 /,
  ),
]
