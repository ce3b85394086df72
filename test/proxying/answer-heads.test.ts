import t from 'tap'
import { AnswerHeads } from '../../src/proxying/answer-heads.ts'
import { bareServer } from '../support/bare-server.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { heapGrowth } from '../support/heap-growth.ts'
import { rawRequest } from '../support/raw-request.ts'

/** What the parser gets of these chunks. */
function passed(pieces: readonly string[]) {
  const heads = new AnswerHeads()
  heads.begin()
  let text = ''
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    text += (heads.over ? bytes : heads.pass(bytes)).toString('latin1')
    bytes.fill(0) // the next read goes to the same place
  }
  return { text, over: heads.over, bytes: heads.bytes }
}

const plain = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/1.0 404 \r\nX: \t\xe9 y \r\nx-powered: \r\n\r\n\r\n\r\n',
  'HTTP/1.1 204\r\n\r\n',
  'HTTP/1.1 200 OK\r\nAccept-Charset: x\r\nContent-Length: 2\r\n\r\nContent-Length: 3\n\n',
]

t.test('a plain head passes byte for byte, wherever it is cut', async t => {
  for (const answer of plain) {
    const cuts = Array.from({ length: answer.length }, (_, at) => at + 1)
    const changed = cuts.filter(at => passed([answer.slice(0, at), answer.slice(at)]).text !== answer)
    t.strictSame(changed, [], answer)
    t.strictSame(passed(answer.split('')), { text: answer, over: true, bytes: 0 })
  }
})

t.test('a head that arrives whole is not copied', async t => {
  const heads = new AnswerHeads()
  heads.begin()
  const chunk = Buffer.from(plain[0] ?? '')
  t.equal(heads.pass(chunk), chunk)
})

t.test('an odd head is read the same way wherever it is cut, and its body passes', async t => {
  const answer =
    'HTTP/1.1  200 Fine\nX-A : a\r\n b\rc\nfoo\nContent-Length: 9\r\nTRANSFER-ENCODING: chunked\r\n\n0\n\n\n'
  const read =
    'HTTP/1.1 200 Fine\r\nConnection: close\r\nX-A: a b c\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\n\n\n'
  for (let at = 0; at <= answer.length; at++)
    t.equal(passed([answer.slice(0, at), answer.slice(at)]).text, read, `cut at ${at}`)
  t.equal(passed(answer.split('')).text, read, 'byte by byte')
})

t.test('a head is looked at up to its end, also behind names as long as those of the framing', async t => {
  for (const names of [
    'Content-Length: 2\r\nX-Cache-Status: HIT',
    'X-Cache-Status: HIT\r\nX-Response-Server: 1',
  ]) {
    const answer = (line: string) => `HTTP/1.1 200 OK\r\n${names}\r\n${line}\r\n\r\nhi`
    t.equal(passed([answer('A: b')]).text, answer('A: b'))
    const mended = answer('A: b').replace('OK\r\n', 'OK\r\nConnection: close\r\n')
    t.equal(passed([answer('A : b')]).text.length, mended.length)
    t.match(passed([answer('A : b')]).text, /\r\nA: b\r\n/)
    t.strictSame(passed([answer('A: b').slice(0, -8)]), {
      text: '',
      over: false,
      bytes: answer('A: b').length - 8,
    })
  }
})

t.test('a head that comes byte by byte is held in few pieces', async t => {
  const heads = new AnswerHeads()
  heads.begin()
  heads.pass(Buffer.from('HTTP/1.1 200 OK\r\nX: '))
  const grown = await heapGrowth(() => {
    for (let n = 0; n < 100_000; n++) heads.pass(Buffer.from('y'))
  })
  t.equal(heads.bytes, 100_020)
  t.ok(grown < 500_000, `${grown} bytes`)
})

t.test('what is no answer of HTTP/1 goes to the parser, which says so', async t => {
  for (const answer of [
    'SSH-2.0-x',
    'HTTQ',
    '\0',
    'ICY 200 OK\r\n\r\n',
    'HTTP/2 200\n\n',
    'HTTP/1.1 20 OK\n\n',
  ])
    t.strictSame(passed(answer.split('')), { text: answer, over: true, bytes: 0 }, answer)
})

t.test('a head without an end is counted', async t => {
  t.strictSame(passed(['HTTP/1.1 200 OK\r\n', 'x: y\r\n'.repeat(1000)]), {
    text: '',
    over: false,
    bytes: 6017,
  })
})

t.test('a connection with an odd head is used for no other answer', async t => {
  let served = 0
  const upstream = await bareServer(t, socket =>
    socket.on('data', () => {
      const end = served++ === 0 ? '\n' : '\r\n'
      socket.write(['HTTP/1.1 200 OK', 'Content-Length: 2', '', 'hi'].join(end))
    }),
  )
  const { port } = await runningServer(t, { upstream: upstream.url })
  const request = `GET /fabrikam/x HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`
  for (const calls of [1, 2, 2]) {
    t.match(await rawRequest(port, request), /^HTTP\/1\.1 200 OK\r\n.*\r\nhi$/s)
    t.equal(upstream.calls(), calls)
  }
})

t.test('an endless head ends with 502', async t => {
  const upstream = await bareServer(t, socket => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n'))
    const more = setInterval(() => socket.write(`X: ${'y'.repeat(10_000)}\r\n`), 1)
    socket.on('close', () => clearInterval(more))
  })
  const { port } = await runningServer(t, { upstream: upstream.url })
  const request = `GET /fabrikam/x HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`
  t.match(await rawRequest(port, request), /^HTTP\/1\.1 502 /)
})
