import { answerOf, type PublicCase } from './case.ts'

const get = 'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n'

/** A head that strict parsers refuse, with what the client gets of it. */
function read(name: string, reported: string, upstream: string, ...answer: readonly RegExp[]): PublicCase {
  return { name, reported, request: get, upstream, answer: [/^HTTP\/1\.1 200 OK\r\n/, ...answer] }
}

const whole = [/^Content-Length: 5\r$/m, /\r\n\r\nhello$/]

/** A field beside the length. */
const beside = (line: string) => `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 5\r\n\r\nhello`

const chunks = 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'

/** Heads of answers that RFC 9112 says how to read, although no server may send them. */
export const cases: readonly PublicCase[] = [
  read(
    'lines that end with LF',
    'nodejs/node 43798',
    'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello',
    ...whole,
  ),
  read(
    'a last line that ends with LF alone',
    'vibe-d 2362',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\n\nhello',
    /^Content-Type: text\/plain\r$/m,
    ...whole,
  ),
  read(
    'a field in several lines is one line',
    'envoy 31009',
    beside("Content-Security-Policy: default-src 'self';\r\n  img-src *;\n\tfont-src 'self'"),
    /^Content-Security-Policy: default-src 'self'; img-src \*; font-src 'self'\r$/m,
    ...whole,
  ),
  read(
    'a line of blanks does not end the head',
    'ruby/net-http 348',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n \t\r\nX-After: value\r\n\r\nhello',
    /^X-After: value\r$/m,
    ...whole,
  ),
  read('a folded line after the status is left out', 'RFC 9112, 2.2', beside(' X: y'), ...whole),
  read(
    'blanks before the colon are removed',
    'trafficserver 7176',
    beside('X-XSS-Protection : 1; mode=block\r\nSecured by Excellent Serv :'),
    /^X-XSS-Protection: 1; mode=block\r$/m,
    ...whole,
  ),
  {
    ...read('a name with a blank is left out', 'spdylay 106', beside('HTTP 1/1 302: x\r\nX-A: b'), ...whole),
    never: /302/,
  },
  {
    ...read(
      'so is a line without a colon',
      'nghttp2 698',
      beside('Secured by\r\n: no-name\r\nX-A: b'),
      ...whole,
    ),
    never: /Secured|no-name/,
  },
  {
    ...read(
      'and a name with other bytes',
      'envoy 23461',
      beside('X(A): b\r\nX-\xe9: c\r\nX\x01: d'),
      ...whole,
    ),
    never: /X\(A|: [cd]\r/,
  },
  read(
    'a control character in a value becomes a blank',
    'node-http-mitm-proxy 139',
    beside('Set-Cookie: a=b\x01c\x7fd\r\nX-A: b\0c\rd'),
    /^Set-Cookie: a=b c d\r$/m,
    /^X-A: b c d\r$/m,
    ...whole,
  ),
  {
    ...read(
      'chunks count, and not a length',
      'nginx 1228',
      `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${chunks}`,
    ),
    never: /content-length/i,
  },
  {
    ...read(
      'neither for HEAD',
      'osmbc 996',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ),
    request: get.replace('GET', 'HEAD'),
    never: /content-length/i,
  },
  read(
    'the same length twice is one',
    'CloudFlare-ImgBed 549',
    beside('content-length: 5'),
    /^HTTP\/1\.1 200 OK\r\n(?!.*\r\nContent-Length.*\r\nContent-Length)/is,
    ...whole,
  ),
  read(
    'so is one that is a list',
    'mapcache 264',
    'HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\nhello',
    ...whole,
  ),
  read(
    'HTTP/1.2 is read as 1.1',
    'RFC 9110, 2.5',
    answerOf('200 OK', {}, 'hello').replace('1.1', '1.2'),
    ...whole,
  ),
  ...[
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!'],
    ['a list of two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!'],
    ['no number as a length', 'HTTP/1.1 200 OK\nContent-Length: +5\n\nhello'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\nContent-Length: 5\n\nhello'],
    ['an empty line after the status', 'HTTP/1.1 200\n\r\nContent-Length: 5\r\n\r\nhello'],
    ['another protocol', 'HTTP/2 200 OK\nContent-Length: 5\n\nhello'],
    ['a coding that is folded', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n0\r\n\r\n'],
  ].map(([what = '', upstream = '']) => ({
    ...read(`${what} stays no answer`, 'RFC 9112, 6.3', upstream),
    answer: [/^HTTP\/1\.1 502 /, /\r\nX-Altgate-Outcome: upstream-failed\r\n/],
  })),
]
