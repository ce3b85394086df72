import t from 'tap'
import { InterimAnswers } from '../../src/proxying/interim-answers.ts'
import { bareServer } from '../support/bare-server.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'

const sign = 'HTTP/1.1 102 Processing\r\n\r\n'
const continues = 'HTTP/1.1 100 Continue\r\n\r\n'
const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\n\r\n'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'

/** What the parser gets of these chunks. */
function passed(pieces: readonly string[], mostBytes = 65_536) {
  const interim = new InterimAnswers(mostBytes)
  interim.begin()
  let text = ''
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    text += (interim.over ? bytes : interim.pass(bytes)).toString('latin1')
  }
  return { text, over: interim.over, tooLong: interim.tooLong }
}

t.test('interim answers are recognized wherever the bytes are split', async t => {
  for (const [before, signs] of [
    ['', 0],
    [continues, 1],
    [continues + continues, 2],
    [hints + continues + 'HTTP/1.1 102 P\r\n\r\n', 3],
    ['HTTP/1.0 100\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n', 1],
    ['\r\n\r\nHTTP/1.1 199 \r\n\r\n\r\n', 1],
    ['HTTP/1.1 100 Continue\n\n', 1],
    ['HTTP/1.1 100 a\rb\r\n\r\n', 1],
  ] as const)
    for (const answer of [
      ok,
      `${ok.replace('Length: 2', 'Length: 27')}${continues}`,
      'HTTP/1.1 101 Switching\r\n\r\nabc',
      'SSH-2.0-x y z\r\n',
    ]) {
      const whole = before + answer
      const expected = sign.repeat(signs) + answer
      const cuts = Array.from({ length: whole.length + 1 }, (_, cut) => cut)
      t.strictSame(
        cuts.filter(cut => passed([whole.slice(0, cut), whole.slice(cut)]).text !== expected),
        [],
        'cut in two',
      )
      t.strictSame(passed(whole.split('')), { text: expected, over: true, tooLong: false }, 'byte by byte')
    }
})

t.test('what looks like an interim answer after a final status line is not changed', async t => {
  for (const answer of [
    `HTTP/1.1 200 OK\r\n\r\n${continues}`,
    `HTTP/1.1 200 OK\r\nX: a\r\n\r\n${continues}${continues}`,
    `HTTP/1.1 101 Switching Protocols\r\n\r\n${continues}`,
    `HTTP/1.1 1000 x\r\n\r\n${continues}`,
    `HTTP/1.1 10 x\r\n\r\n${continues}`,
    `HTTP/1.1 100x\r\n\r\n${continues}`,
    `HTTP/2 100 x\r\n\r\n${continues}`,
    `http/1.1 100 x\r\n\r\n${continues}`,
    `ICY 200 OK\r\n\r\n${continues}`,
  ])
    t.equal(passed(answer.split('')).text, answer)
})

t.test('endless interim answers exceed the limit', async t => {
  t.equal(
    passed(
      Array.from({ length: 10 }, () => continues),
      250,
    ).tooLong,
    false,
  )
  t.equal(
    passed(
      Array.from({ length: 11 }, () => continues),
      250,
    ).tooLong,
    true,
  )
  t.equal(passed([continues.slice(0, -2), 'X: a\r\n'.repeat(50)], 250).tooLong, true)
})

const asking = (method = 'GET', lines = 'Connection: close\r\n') =>
  `${method} /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n${lines}\r\n`

t.test('an upload continues while interim answers arrive', async t => {
  const { url: upstream } = await bareServer(t, socket => {
    let received = ''
    socket.write(continues)
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      socket.write(received.endsWith('0\r\n\r\n') ? ok : continues + hints)
    })
  })
  const server = await runningServer(t, { upstream })
  const client = await rawConnection(server.port)
  client.send(asking('POST', 'Transfer-Encoding: chunked\r\nConnection: close\r\n'))
  for (let n = 0; n < 20; n++) {
    client.send('4\r\n0000\r\n')
    await new Promise(resolve => setImmediate(resolve))
  }
  client.send('0\r\n\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 200 OK\r\n[^]*hi$/)
  t.strictSame(server.failures, [])
})

t.test('HEAD, 204 and 304 have interim answers too, and the connection is kept', async t => {
  const said = [
    continues + ok,
    `${hints}${continues}HTTP/1.1 204 No Content\r\n\r\n`,
    `${continues}HTTP/1.1 304 Not Modified\r\n\r\n`,
    `${continues}${ok.slice(0, -2)}`,
    continues + ok,
  ]
  let connections = 0
  const { url: upstream } = await bareServer(t, socket => {
    connections++
    socket.on('data', () => void socket.write(said.shift() ?? ''))
  })
  const server = await runningServer(t, { upstream })
  for (const [method, status] of [
    ['GET', 200],
    ['OPTIONS', 204],
    ['GET', 304],
    ['HEAD', 200],
    ['GET', 200],
  ] as const) {
    const answer = await rawRequest(server.port, asking(method))
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    t.notMatch(answer, /HTTP\/1\.1 10/)
  }
  t.equal(connections, 2, 'a connection ends after HEAD')
})

t.test('a body that looks like an interim answer arrives unchanged, also on a kept connection', async t => {
  const body = continues + hints + ok
  let connections = 0
  const { url: upstream } = await bareServer(t, socket => {
    connections++
    socket.on('data', () => {
      socket.write(`${continues}HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
      for (const byte of body) socket.write(byte)
    })
  })
  const server = await runningServer(t, { upstream })
  for (let n = 0; n < 3; n++) {
    const answer = await rawRequest(server.port, asking())
    t.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), body)
  }
  t.equal(connections, 1)
})

t.test('interim answers keep a request alive, but not for ever', async t => {
  let beats = 0
  const { url: upstream } = await bareServer(t, socket => {
    const beat = setInterval(() => {
      if (++beats < 12) return socket.write(beats % 2 === 0 ? continues : hints)
      clearInterval(beat)
      return socket.write(ok)
    }, 250)
    socket.on('close', () => clearInterval(beat))
  })
  const server = await runningServer(t, { upstream, patience: { headersTimeoutSeconds: 1 } })
  t.match(await rawRequest(server.port, asking()), /^HTTP\/1\.1 200 /, 'three times the time of one answer')

  const { url: flood } = await bareServer(t, socket => void socket.write(hints.repeat(2000)))
  const flooded = await runningServer(t, { upstream: flood })
  t.match(await rawRequest(flooded.port, asking()), /^HTTP\/1\.1 502 [^]*not valid HTTP/)
  t.match(flooded.failures, [{ because: 'bad-answer' }])
})
