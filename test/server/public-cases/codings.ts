import { answerOf, type PublicCase } from './case.ts'

function posting(name: string, lines: string, answer: readonly RegExp[]): PublicCase {
  return {
    name,
    reported: 'RFC 9112, 6.1',
    request: `POST /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n${lines}\n{close}\n\n5\nhello\n0\n\n`,
    answer,
  }
}

const unimplemented = [
  /^HTTP\/1\.1 501 Not Implemented\r\n/,
  /\r\nX-Altgate-Outcome: unclear-target\r\n/,
  /\r\nConnection: close\r\n/,
  /transfer coding/,
]

/** Bodies of requests whose coding the gateway would lose on the way. */
export const cases: readonly PublicCase[] = [
  ...[
    'Transfer-Encoding: gzip, chunked',
    'TRANSFER-ENCODING: GZIP, CHUNKED',
    'Transfer-Encoding: gzip,chunked',
    'Transfer-Encoding: gzip\ntransfer-encoding: chunked',
    'Transfer-Encoding: deflate, gzip, chunked',
    'Transfer-Encoding: x-unknown, chunked',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding: gzip;q=1, chunked',
    'Transfer-Encoding: , chunked',
  ].map(lines => posting(`a request with ${JSON.stringify(lines)} is not carried`, lines, unimplemented)),
  ...[
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: chunked\nTransfer-Encoding: gzip',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked\t',
    'Transfer-Encoding:',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\nContent-Length: 5',
    'Transfer-Encoding: gzip, chunked\nContent-Length: 5',
  ].map(lines =>
    posting(`a request with ${JSON.stringify(lines)} has no clear end`, lines, [
      /chunked, chunked|Encoding: chunked\n.*: chunked$|gzip, chunked\n/.test(lines)
        ? /^HTTP\/1\.1 (?:400|501) /
        : /^HTTP\/1\.1 400 /,
      /\r\nX-Altgate-Outcome: unclear-target\r\n/,
      /\r\nConnection: close\r\n/,
    ]),
  ),
  ...['Transfer-Encoding: chunked', 'transfer-encoding: CHUNKED', 'Transfer-Encoding:  chunked '].map(
    lines => ({
      ...posting(
        `a request with ${JSON.stringify(lines)} is carried`,
        `${lines}\nTE: trailers, gzip\nTrailer: X`,
        [/^HTTP\/1\.1 200 OK\r\n/],
      ),
      upstream: answerOf('200 OK'),
      forwarded: [/^transfer-encoding: chunked\r$/im, /\r\n5\r\nhello\r\n0\r\n/],
      notForwarded: /^(?:TE|Trailer):/im,
    }),
  ),
  {
    ...posting('a chunked request of HTTP/1.0 has no clear end', 'Transfer-Encoding: chunked', [
      /^HTTP\/1\.1 400 /,
      /\r\nX-Altgate-Outcome: unclear-target\r\n/,
      /\r\nConnection: close\r\n/,
    ]),
    request:
      'POST /fabrikam/x HTTP/1.0\nHost: git.example.com\n{auth}\nTransfer-Encoding: chunked\n{close}\n\n5\nhello\n0\n\n',
  },
]
