import { type EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { makeCertificate } from '../support/certificate.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const files = await makeCertificate(t.testdir())
const tls = { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }

const allowed = `Host: h\r\nAuthorization: ${basic()}\r\n`
const wrong = `Host: h\r\nAuthorization: ${basic({ ...anna, password: 'wrong' })}\r\n`
const long = 'x'.repeat(5000)

const plain = `GET /fabrikam/x HTTP/1.1\r\n${allowed}\r\n`

/** One of each kind: by which leg it goes, whether it is refused, and where its body ends. */
const requests = [
  plain,
  `HEAD /fabrikam/x HTTP/1.1\r\n${allowed}\r\n`,
  `POST /fabrikam/x HTTP/1.1\r\n${allowed}Content-Length: 5000\r\n\r\n${long}`,
  `POST /fabrikam/x HTTP/1.1\r\n${allowed}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok`,
  `POST /fabrikam/x HTTP/1.1\r\n${allowed}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  `POST /fabrikam/r.git/info/lfs/objects/batch HTTP/1.1\r\n${allowed}Content-Length: 2\r\n\r\n{}`,
  `GET /fabrikam/refused HTTP/1.1\r\n${allowed}\r\n`,
  `GET /fabrikam/x HTTP/1.1\r\n${wrong}\r\n`,
  `POST /fabrikam/x HTTP/1.1\r\n${wrong}Content-Length: 5000\r\n\r\n${long}`,
  `POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  `GET /_altgate/none HTTP/1.1\r\nHost: h\r\n\r\n`,
  `POST /_altgate/none HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok`,
]

for (const secure of [false, true])
  t.test(`requests leave nothing behind on their connection, ${secure ? 'TLS' : 'plain'}`, async t => {
    const upstream = await recordingUpstream(t, (request, response) => {
      request.resume()
      response.writeHead(request.url === '/fabrikam/refused' ? 401 : 200).end('ok')
    })
    const { app, port } = await runningServer(t, { upstream: upstream.url, ...(secure && { tls }) })
    const at = { port, host: '127.0.0.1' }
    const socket = secure ? connectTls({ ...at, ca: tls.cert }) : connect(at)
    t.teardown(() => socket.destroy())
    const [there] = await once(app.server, secure ? 'secureConnection' : 'connection')
    let text = ''
    socket.on('data', (piece: Buffer) => void (text += piece.toString('latin1')))

    let answers = 0
    const send = async (bytes: string, count: number) => {
      socket.write(bytes)
      answers += count
      await until(() => text.match(/^HTTP\/1\.1 [2-5]/gm)?.length === answers)
    }
    const sendAll = async () => {
      for (const each of requests) await send(each, 1)
      await send(requests.join(''), requests.length)
      await send(plain, 1) // all before it is over
    }
    await sendAll()
    const before = listenersOf(there as EventEmitter) // what the events are documented to give
    for (let n = 0; n < 3; n++) await sendAll()
    t.strictSame(listenersOf(there as EventEmitter), before)
  })

function listenersOf(emitter: EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map(name => [String(name), emitter.listenerCount(name)]))
}
