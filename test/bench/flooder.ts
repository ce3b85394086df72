import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { anna, basic, userNumber } from './people.ts'
import { floods, isFlood, type Flood } from './floods.ts'

// A process that floods: it keeps so many connections open, from a hundred addresses of their own, and does on each what
// the kind of flood is. It says `ready` when all of them were opened once, and how much it has done when it is told to stop.

// Those who flood have machines of their own: the CPU time that they take must not be missing elsewhere.
setPriority(5)

const [kind = '', address = '', count = '', group = ''] = process.argv.slice(2)
if (!isFlood(kind)) throw new Error(`there is no flood ${kind}`)
const { hostname, port } = new URL(address)
const host = `Host: ${hostname}\r\n`

/** Somebody with a password that is right, but not the one whose callers are measured. */
const other = `${host}Authorization: ${basic({ ...anna, user: userNumber(0) })}\r\n`

/** Addresses that they come from. */
const addresses = 100

/** Connections that are being opened at one time: as many as the backlog of a port takes. */
const atOnce = 200

/** Milliseconds between two bytes of what is slow, and between two tries of what was closed at once. */
const slowly = 1000
const again = 20

/** Milliseconds. */
const patience = 60_000

let done = 0
let stopped = false
const dripping = new Set<Socket>()

interface Deed {
  /** Written when the connection is there. */
  readonly say?: (number: number) => string
  /** One more byte now and then. */
  readonly drips?: true
  /** What is sent comes again when so many answers are there. */
  readonly answers?: number
  /** Never takes anything from the connection. */
  readonly reads?: false
}

const pipelined = 32
let invented = 0

const deeds: Readonly<Record<Flood, Deed>> = {
  idle: {},
  'slow-heads': { say: () => `GET /fabrikam/hello HTTP/1.1\r\n${host}X-Slow: `, drips: true },
  'slow-bodies': {
    say: () => `POST /fabrikam/push HTTP/1.1\r\n${other}Content-Length: 1000000\r\n\r\n`,
    drips: true,
  },
  'no-readers': { say: () => `GET /fabrikam/pack HTTP/1.1\r\n${other}\r\n`, reads: false },
  pipelining: {
    say: () => `GET /fabrikam/hello HTTP/1.1\r\n${host}\r\n`.repeat(pipelined),
    answers: pipelined,
  },
  'sign-ins': {
    say: () => `GET /_altgate/sign-in?account=fabrikam HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  },
  'invented-names': {
    say() {
      const name = `${process.pid}-${(invented += 1)}`
      const guess = basic({ user: `${name}@example.com`, password: name })
      return `GET /fabrikam/hello HTTP/1.1\r\n${host}Authorization: ${guess}\r\nConnection: close\r\n\r\n`
    },
  },
  'one-user': { say: () => `GET /fabrikam/slow HTTP/1.1\r\n${other}\r\n` },
}
const deed: Deed = deeds[kind]

/** Whether it does something that ends. On a busy machine the first of it may come late: it is waited for. */
const ends = deed.answers !== undefined || !floods[kind].stay
process.on('message', () => {
  const latest = performance.now() + patience
  const tell = () => {
    if (ends && done === 0 && performance.now() < latest) return void setTimeout(tell, again)
    stopped = true
    process.send?.(done)
  }
  tell()
})
const drip = setInterval(() => {
  for (const socket of dripping) if (socket.writable) socket.write('a')
}, slowly)
drip.unref()

for (let first = 0; first < Number(count); first += atOnce)
  await Promise.all(
    Array.from({ length: Math.min(atOnce, Number(count) - first) }, (_, at) => open(first + at)),
  )
process.send?.('ready')

/** Resolves when the connection is there, or was refused. When it is closed it is opened again. */
function open(number: number): Promise<void> {
  return new Promise(resolve => {
    const localAddress = `127.0.${group}.${1 + (number % addresses)}`
    const socket = connect({ host: hostname, port: Number(port), localAddress })
    let opened = false
    socket
      .on('connect', () => {
        opened = true
        begin(socket, number)
        resolve()
      })
      .on('error', () => {})
      .on('close', () => {
        dripping.delete(socket)
        if (opened) done += 1
        resolve()
        if (!stopped) setTimeout(open, again, number)
      })
  })
}

function begin(socket: Socket, number: number): void {
  const { say, drips, answers, reads = true } = deed
  if (say !== undefined) socket.write(say(number))
  if (drips) dripping.add(socket)
  if (reads) read(socket, number, answers)
}

function read(socket: Socket, number: number, answers: number | undefined): void {
  if (answers === undefined || deed.say === undefined) return void socket.resume()
  const { say } = deed
  let due = answers
  // Two at a time are ahead: while one is answered the other is there.
  socket.write(say(number))
  socket.on('data', (chunk: Buffer) => {
    const heads = chunk.toString('latin1').split('HTTP/1.1 ').length - 1
    done += heads
    due -= heads
    for (; due <= 0; due += answers) socket.write(say(number))
  })
}
