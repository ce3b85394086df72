import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { type BareServer, bareServer } from '../support/bare-server.ts'
import { type HostileAnswer, hostileAnswers } from '../support/hostile-answer.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'

/**
 * Many answers of a hostile upstream go through the gateway, over kept connections. Each request ends in time, with the
 * upstream's answer or ours and never with a mixture, and nothing is left behind. The two legs to an upstream, our own and
 * undici's, make the same of an answer, byte for byte. A failure names the number of its answer:
 * ALTGATE_TEST_SEED=seed ALTGATE_TEST_ANSWER=number runs that one alone.
 */
const count = 2500
const seed = Number(process.env['ALTGATE_TEST_SEED'] ?? 20_261_127)
const only = process.env['ALTGATE_TEST_ANSWER']
const atOnce = 48
/** Every so many answers are read by both legs. */
const compared = 4
/** Much longer than any request may take here, and the longest ones wait for two timeouts of two seconds. */
const deadlineMs = 10_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('each of 2,500 hostile answers ends', { timeout: 240_000 }, async t => {
  const answers = hostileAnswers(count, seed)
  const upstream = await hostileUpstream(t, answers)
  const bugs: unknown[] = []
  const server = await runningServer(t, {
    upstream: upstream.url,
    // The usual ones remember all that they see.
    witness: { saw() {} },
    observer: {
      upstreamAnswered() {},
      upstreamFailed() {},
      upstreamCrowded() {},
      signInNeeded() {},
      outage() {},
      bug: error => void bugs.push(error),
    },
    patience: { headersTimeoutSeconds: 2, idleTimeoutSeconds: 2, keepAliveSeconds: 1 },
  })
  const numbers = only === undefined ? [...answers.keys()] : [Number(only)]
  const faults: string[] = []
  const seen = { passed: 0, ours: 0, cut: 0, compared: 0 }

  async function run(part: readonly number[]): Promise<void> {
    const rest = part.values()
    const lane = async (): Promise<void> => {
      for (const number of rest) {
        const answer = answers[number]
        if (answer === undefined) throw new Error('no such answer')
        const got = await ask(server.port, number, answer)
        if (got !== undefined) seen[kindOf(got)]++
        const isCompared = isComparable(answer) && (number % compared === 0 || only !== undefined)
        const other = isCompared ? await ask(server.port, number, answer, overUndici) : undefined
        if (isCompared) seen.compared++
        const fault =
          got === undefined
            ? 'no end'
            : (faultOf(got, answer) ?? (isCompared ? difference(got, other) : undefined))
        if (fault !== undefined)
          faults.push(`answer ${number}: ${fault}\n${show(answer)}\n=> ${JSON.stringify(got)?.slice(0, 600)}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, lane))
    await until(() => upstream.open() === 0)
  }

  const early = numbers.slice(0, count / 5)
  await run(early)
  collect()
  const before = { descriptors: descriptors(), heap: process.memoryUsage().heapUsed }
  await run(numbers.slice(early.length))
  collect()
  const after = { descriptors: descriptors(), heap: process.memoryUsage().heapUsed }

  t.strictSame(faults.slice(0, 5), [], `seed ${seed}, ${faults.length} faults`)
  t.strictSame(bugs, [], 'no bugs')
  t.comment(JSON.stringify({ seed, seen, before, after }))
  if (only !== undefined) return
  for (const number of Object.values(seen)) t.ok(number > count / 50, 'all kinds of ends are there')
  t.ok(after.descriptors <= before.descriptors + 2, 'no descriptors are left')
  t.ok(after.heap < before.heap + 2 * 2 ** 20, 'no memory is left: less than 1 KiB for each answer')
  const connections = await new Promise<number>((resolve, reject) =>
    server.app.server.getConnections((error, open) => (error ? reject(error) : resolve(open))),
  )
  t.equal(connections, 0, 'no requests are left')
})

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Answers `/fabrikam/N` with the N-th answer. */
function hostileUpstream(t: Test, answers: readonly HostileAnswer[]): Promise<BareServer> {
  return bareServer(t, socket => {
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      // The body of an upload is not waited for, and does not look like this.
      const [, number] = /^\w+ \/fabrikam\/(\d+) HTTP\/1\.1\r\n[^]*\r\n\r\n/m.exec(head) ?? []
      const answer = answers[Number(number)]
      if (answer === undefined) return
      head = ''
      void say(socket, answer)
    })
  })
}

async function say(socket: Socket, { pieces, afterwards }: HostileAnswer): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (afterwards === 'end') socket.end()
  else if (afterwards === 'reset') reset(socket)
}

/** All that came until the connection ended, one character a byte; `undefined` if it did not end in time. */
async function ask(
  port: number,
  number: number,
  { method, afterwards }: HostileAnswer,
  lines = '',
): Promise<string | undefined> {
  const upload = method === 'POST' ? 'Content-Length: 2000\r\n' : ''
  const head = `${method} /fabrikam/${number} HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n${lines}${upload}Connection: close\r\n\r\n`
  const socket = connect({ port, host: '127.0.0.1' })
  let received = ''
  let late = false
  const deadline = setTimeout(() => {
    late = true
    socket.destroy()
  }, deadlineMs)
  // Every other upload is half sent when the answer comes; where none comes, the gateway would wait for the rest.
  const half = upload !== '' && number % 2 === 1 && afterwards !== 'stall'
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      // As clients do that have been answered before they have sent all.
      if (half && read(received, method)?.complete) socket.end()
    })
  socket.write(upload === '' ? head : head + 'x'.repeat(half ? 1000 : 2000))
  await once(socket, 'close')
  clearTimeout(deadline)
  return late ? undefined : received
}

/** A header that our own leg does not write. */
const overUndici = 'Content-Length: 0\r\n'

/** How much of an answer arrives before a reset is a matter of chance, and a body can only be sent by one of the legs. */
function isComparable({ method, afterwards }: HostileAnswer): boolean {
  return method !== 'POST' && afterwards !== 'reset'
}

/**
 * Compares what the legs made of an answer, without what time and chance tell: the pieces of a body among them. undici
 * forgets the beginning of a reason phrase that comes in two pieces.
 */
function difference(own: string, undici: string | undefined): string | undefined {
  if (undici === undefined) return 'no end over undici'
  const [one, other] = [own, undici].map(each => {
    const { body = each, complete } = read(each) ?? {}
    const head = each.slice(0, each.indexOf('\r\n\r\n'))
    return `${head}\r\n\r\n${body}${complete}`
      .replace(/^(HTTP\/1\.1 \d+) .*/, '$1')
      .replace(/^(Date|X-Request-Id): .*\r$|^(Reference): .*$/gm, '$1')
  })
  return one === other ? undefined : `another answer over undici: ${JSON.stringify(undici).slice(0, 600)}`
}

interface Read {
  readonly status: number
  readonly ours: boolean
  readonly body: string
  readonly complete: boolean
}

/** The gateway's own framing is simple and strict. */
function read(got: string, method: HostileAnswer['method'] = 'GET'): Read | undefined {
  const end = got.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = got.slice(0, end)
  const rest = got.slice(end + 4)
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
  const base = { status, ours: /^X-Altgate-Outcome: /m.test(head) }
  if (method === 'HEAD' || status === 204 || status === 304) return { ...base, body: rest, complete: true }
  const length = /^Content-Length: *(\d+) *$/im.exec(head)?.[1]
  if (length !== undefined) return { ...base, body: rest, complete: rest.length === Number(length) }
  return { ...base, ...dechunked(rest) }
}

function dechunked(rest: string): Pick<Read, 'body' | 'complete'> {
  let body = ''
  for (let at = 0; ; ) {
    const size = /^([0-9a-f]+)\r\n/.exec(rest.slice(at, at + 12))
    if (size === null) return { body, complete: false }
    const length = Number.parseInt(size[1] ?? '', 16)
    at += size[0].length
    if (length === 0) return { body, complete: rest.slice(at) === '\r\n' }
    body += rest.slice(at, at + length)
    at += length + 2
  }
}

function kindOf(got: string): 'passed' | 'ours' | 'cut' {
  const whole = read(got)
  if (whole?.ours) return 'ours'
  return whole?.complete ? 'passed' : 'cut'
}

/** What is wrong with what came of an answer; `undefined` if nothing is. */
function faultOf(got: string, answer: HostileAnswer): string | undefined {
  const { method, status, body, sound, endless } = answer
  if (got.includes('stolen')) return 'bytes of another answer'
  const whole = read(got, method)
  if (whole === undefined) {
    if (got !== '') return 'half a head'
    return sound ? 'a sound answer is lost' : undefined
  }
  if (whole.ours) {
    if (!whole.complete) return 'our own answer is cut'
    if (![502, 503, 504].includes(whole.status)) return 'our own answer has an odd status'
    // An upload may meet the end of a kept connection, and is never sent twice.
    return sound && method !== 'POST' ? 'a sound answer is refused' : undefined
  }
  if (answer.coded) return 'a coding is lost'
  if (whole.status !== status) return 'another status'
  if (!body.startsWith(whole.body)) return 'another body'
  if (whole.complete && whole.body !== body && !endless) return 'a part passes for the whole'
  return sound && !whole.complete && method !== 'POST' ? 'a sound answer is cut' : undefined
}

function show({ method, pieces, afterwards, sound }: HostileAnswer): string {
  const written = pieces.map(piece => JSON.stringify(piece.toString('latin1').slice(0, 300)))
  return `${method}, ${sound ? 'sound' : 'unsound'}: ${written.slice(0, 8).join(' + ')}, then ${afterwards}`
}
