import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { SyslogSink } from '../../src/telemetry/syslog.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'

/** RFC 5424, 6: header, no structured data, text. */
const message =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) altgate (\d+) (-|[a-z]+) - (\{.*\})$/su

function line(number: number, more = ''): string {
  return `{"level":30,"time":"2026-11-27T22:00:00.000Z","audit":"decision","n":${number},"more":"${more}"}\n`
}

function sinkTo(t: Test, url: string, options: { caFile?: string; bufferKiB?: number } = {}) {
  const told: string[] = []
  let dropped = 0
  const sink = new SyslogSink(
    { url, facility: 'local3', bufferKiB: 1024, ...options },
    {
      dropped: () => (dropped += 1),
      failed: code => told.push(code),
      resumed: lost => told.push(`again, ${lost} lost`),
    },
  )
  t.teardown(() => sink.close())
  const send = (first: number, last: number) => {
    for (let number = first; number <= last; number += 1) sink.write(line(number))
  }
  return { sink, told, send, dropped: () => dropped }
}

/** The numbers in messages, each of which is one of RFC 5424. */
function numbersIn(t: Test, messages: readonly string[]): readonly number[] {
  return messages.map(each => {
    const [, priority, , , pid, kind, text = '{}'] = message.exec(each) ?? []
    if (priority === undefined) t.fail(`not RFC 5424: ${each}`)
    t.strictSame([priority, pid, kind], ['158', String(process.pid), 'decision'])
    return (JSON.parse(text) as { n: number }).n
  })
}

/** What has arrived in frames of RFC 6587, 3.4.1; a frame that is cut off is left out. */
function framesIn(bytes: Buffer): readonly string[] {
  const frames = []
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(' ', at)
    const length = Number(bytes.toString('latin1', at, blank))
    if (!/^[1-9]\d*$/.test(bytes.toString('latin1', at, blank)) || blank + 1 + length > bytes.length) break
    frames.push(bytes.toString('utf8', blank + 1, blank + 1 + length))
    at = blank + 1 + length
  }
  return frames
}

/** Collects what connections bring, one after the other. */
function collector() {
  const connections: Buffer[] = []
  const sockets = new Set<Socket>()
  return {
    sockets,
    frames: () => connections.flatMap(framesIn),
    take: (socket: Socket) => {
      const at = connections.push(Buffer.alloc(0)) - 1
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on(
        'data',
        chunk => (connections[at] = Buffer.concat([connections[at] ?? Buffer.alloc(0), Buffer.from(chunk)])),
      )
    },
  }
}

async function listening(t: Test, server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}

t.test('over TCP: frames with their length, whatever the bytes', async t => {
  const { take, frames, sockets } = collector()
  const port = await listening(t, createServer(take))
  const { sink, send } = sinkTo(t, `tcp://127.0.0.1:${port}`)
  send(1, 3)
  sink.write(line(4, 'Zoë \u{1f600}'))
  await sink.settled()
  t.strictSame(numbersIn(t, frames()), range(1, 4))
  t.match(frames()[3], 'Zoë \u{1f600}')
  for (const socket of sockets) socket.destroy()
})

t.test('over TCP: a receiver that goes away loses nothing, in order', async t => {
  const { take, frames, sockets } = collector()
  const first = createServer(take)
  const port = await listening(t, first, await freePort()) // where no other test listens meanwhile
  const { sink, send, told, dropped } = sinkTo(t, `tcp://127.0.0.1:${port}`)
  send(1, 50)
  await until(() => frames().length === 50)
  // What is sent now arrives in a system whose program reads no more.
  for (const socket of sockets) socket.pause()
  send(51, 100)
  await until(() => sink.takesMore)
  first.close()
  for (const socket of sockets) reset(socket)
  await until(() => told.length > 0)
  send(101, 150)
  t.notOk(sink.takesMore)
  const again = createServer(take)
  await listening(t, again, port)
  await sink.settled()
  const numbers = numbersIn(t, frames())
  t.strictSame(
    [...new Set(numbers)].sort((one, other) => one - other),
    range(1, 150),
  )
  t.strictSame(
    numbers.slice(50),
    numbers.slice(50).toSorted((one, other) => one - other),
  )
  t.strictSame(told.at(-1), 'again, 0 lost')
  t.equal(dropped(), 0)
  for (const socket of sockets) socket.destroy()
})

t.test('a receiver that is not there, or reads nothing, takes bounded memory', async t => {
  const hanging = createServer(socket => void socket.pause())
  const port = await listening(t, hanging)
  for (const url of [`tcp://127.0.0.1:${await freePort()}`, `tcp://127.0.0.1:${port}`]) {
    const { sink, dropped, told } = sinkTo(t, url, { bufferKiB: 16 })
    const long = 'x'.repeat(1000)
    for (let round = 0; round < 200 && dropped() === 0; round += 1) {
      for (let number = 0; number < 500; number += 1) sink.write(line(number, long))
      await new Promise(resolve => void setImmediate(resolve))
    }
    t.ok(dropped() > 0, url)
    t.ok(told.length > 0, 'told')
  }
})

t.test('over TLS: only to a receiver with a certificate that is trusted', async t => {
  const files = await makeCertificate(temporaryDirectory(t))
  const { take, frames, sockets } = collector()
  const server = createTlsServer(
    { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') },
    take,
  )
  const port = await listening(t, server)
  const trusting = sinkTo(t, `tls://127.0.0.1:${port}`, { caFile: files.certFile })
  trusting.send(1, 20)
  await trusting.sink.settled()
  t.strictSame(numbersIn(t, frames()), range(1, 20))
  const careful = sinkTo(t, `tls://127.0.0.1:${port}`)
  careful.send(21, 21)
  await until(() => careful.told.length > 0)
  t.match(careful.told[0], /CERT|SIGNED/)
  t.equal(frames().length, 20)
  for (const socket of sockets) socket.destroy()
})

t.test('over UDP: one message in each datagram, and it is noticed that nothing listens', async t => {
  const receiver = createSocket('udp4')
  const got: string[] = []
  receiver.on('message', datagram => got.push(datagram.toString()))
  receiver.bind(await freePort(), '127.0.0.1') // where no other test listens meanwhile
  await once(receiver, 'listening')
  const { port } = receiver.address()
  const { sink, send, told, dropped } = sinkTo(t, `udp://127.0.0.1:${port}`)
  send(1, 20)
  await until(() => got.length === 20)
  t.strictSame(numbersIn(t, got), range(1, 20))
  sink.write(line(0, 'x'.repeat(70_000)))
  send(21, 21)
  await until(() => got.length === 21)
  t.equal(dropped(), 1, 'one that fits into no datagram')
  t.ok(sink.takesMore)
  receiver.close()
  let number = 21
  await until(() => {
    send(++number, number)
    return told.length > 0
  })
  t.equal(told[0], 'ECONNREFUSED')
  t.notOk(sink.takesMore)
  const again = createSocket('udp4')
  again.on('message', datagram => got.push(datagram.toString())).bind(port, '127.0.0.1')
  t.teardown(() => again.close())
  await sink.settled()
  await until(() => numbersIn(t, got).at(-1) === number)
})

/** The syslog daemon of Debian, with a socket of its own kind. */
async function rsyslog(t: Test, input: string) {
  const directory = temporaryDirectory(t)
  const [config, out] = [join(directory, 'rsyslog.conf'), join(directory, 'out')]
  writeFileSync(
    config,
    `${input.replaceAll('DIRECTORY', directory)}
template(name="all" type="string" string="%protocol-version%|%pri%|%app-name%|%msgid%|%msg:1:$%\\n")
*.* action(type="omfile" file="${out}" template="all")
`,
  )
  let daemon: ChildProcess
  const start = () => {
    daemon = spawn('/usr/sbin/rsyslogd', ['-n', '-f', config, '-i', join(directory, 'pid')], {
      stdio: 'ignore',
    })
  }
  const kill = async () => {
    const gone = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    await gone
  }
  start()
  t.teardown(kill)
  const lines = () => (existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n') : [])
  const numbers = () =>
    lines()
      .flatMap(each => /"n":(\d+)/.exec(each)?.[1] ?? [])
      .map(Number)
  return { directory, start, kill, lines, numbers }
}

t.test('rsyslog reads them over TCP, and loses none when it is killed and started again', async t => {
  const port = await freePort()
  const daemon = await rsyslog(
    t,
    `module(load="imtcp")\ninput(type="imtcp" port="${port}" address="127.0.0.1")`,
  )
  const { sink, send } = sinkTo(t, `tcp://127.0.0.1:${port}`)
  send(1, 100)
  await until(() => daemon.numbers().length === 100)
  t.match(daemon.lines()[0], /^1\|158\|altgate\|decision\|\s?\{"level":30,.*\}$/)
  await daemon.kill()
  send(101, 200)
  daemon.start()
  await sink.settled()
  await until(() => new Set(daemon.numbers()).size === 200)
})
