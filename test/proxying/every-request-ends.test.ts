import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { Agent, type Dispatcher } from 'undici'
import { answerTo } from '../../src/answers/answer.ts'
import type { Delegation } from '../../src/gateway/delegation.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { FairShares } from '../../src/proxying/fair-shares.ts'
import { createForward, type ForwardOptions } from '../../src/proxying/forward.ts'
import type { RequestContext } from '../../src/proxying/headers.ts'
import type { UpstreamAgents } from '../../src/proxying/upstream-connections.ts'
import { givenDelegation, userToken } from '../support/delegation.ts'
import { rawConnection } from '../support/raw-request.ts'

/**
 * Makes each step between an allowed request and its answer throw. The request must still end: with an answer, or with a
 * closed connection if a part of an answer was sent. An uncaught throw fails the test by itself.
 */
interface Place {
  readonly name: string
  /** Changes what happens to the request. */
  arrange(way: Way): void
  /** How it ends for the client; by default with an answer of the gateway. */
  readonly ends?: 'passed' | 'cut'
  readonly status?: number
  /** How many bugs are reported; one by default. */
  readonly bugs?: number
  readonly request?: string
}

/** What a place may change. */
interface Way {
  options: ForwardOptions
  context: RequestContext
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly bugs: unknown[]
}

const oops = (): never => {
  throw new Error('oops')
}
const get = 'GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'
const post = 'POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'
/** A push whose client shows what comes on the second band. */
const line = '0015 x\0 side-band-64k'
const push = post
  .replace('/x ', '/x.git/git-receive-pack ')
  .replace('Length: 5', `Length: ${line.length}`)
  .replace('hello', line)
const largePost = `${post.replace('Length: 5', 'Length: 200000').slice(0, -5)}${'x'.repeat(200_000)}`
const expecting = post.replace('Content-Length', 'Expect: 100-continue\r\nContent-Length')

/** undici gives none where a request never started; its types do not say so. */
const noController = null as unknown as Dispatcher.DispatchController

const plain = { 'content-length': '2' }
const reportOfPush = { 'content-type': 'application/x-git-receive-pack-result' }

const places: readonly Place[] = [
  {
    name: 'the route of the request cannot be read',
    arrange: way => void (way.context = trap(way.context, 'route')),
  },
  { name: 'the sign-in throws', arrange: way => void (way.options = { ...way.options, authorize: oops }) },
  {
    name: 'the sign-in is down, and says so at once',
    arrange: way =>
      void (way.options = {
        ...way.options,
        authorize() {
          throw new Outage('upstream', 'down')
        },
      }),
    bugs: 0,
  },
  {
    name: 'the sign-in rejects',
    arrange: way => void (way.options = { ...way.options, authorize: async () => oops() }),
  },
  {
    name: 'the identity is no list',
    arrange: way => void (way.options = { ...way.options, authorize: () => undefined as never }),
  },
  {
    name: 'the identity, told later, is no list',
    arrange: way => void (way.options = { ...way.options, authorize: async () => undefined as never }),
  },
  {
    name: 'the end of a bridge is no date',
    arrange: way =>
      void (way.context = {
        ...way.context,
        allowed: { ...way.context.allowed, bridgedUntil: Number.NaN as never },
      }),
  },
  {
    name: 'undici refuses a header',
    arrange: way =>
      void (way.options = { ...way.options, agents: both(new Agent()), authorize: () => ['X', 'a\nb'] }),
  },
  {
    name: 'undici refuses a method',
    arrange: way => {
      const { context } = way
      way.options = { ...way.options, agents: both(new Agent()) }
      way.context = { ...context, ask: { ...context.ask, method: 'G T' } }
    },
  },
  { name: 'dispatching throws', arrange: dispatching(oops) },
  {
    name: 'dispatching throws after the answer has begun',
    arrange: dispatching(handler => {
      begin(handler, 200, {})
      handler.onResponseData?.(controllerOf([]), Buffer.from('half'))
      oops()
    }),
    ends: 'cut',
  },
  { name: 'a status that Node does not send', arrange: dispatching(answer(1000, plain)) },
  { name: 'a status that is no number', arrange: dispatching(answer(Number.NaN, plain)) },
  {
    name: 'a header name that Node does not send',
    arrange: dispatching(answer(200, plain, ['a b', 'c'])),
  },
  { name: 'a header value that Node does not send', arrange: dispatching(answer(200, plain, ['a', 'b\0'])) },
  { name: 'no raw headers', arrange: dispatching(handler => begin(handler, 200, plain, null)) },
  { name: 'no headers', arrange: dispatching(handler => begin(handler, 200, null as never)) },
  ...['location', 'content-type', 'connection', 'cache-control', 'content-length', 'transfer-encoding'].map(
    name => ({
      name: `${name} cannot be read`,
      arrange: dispatching(answer(name === 'location' ? 302 : 200, trap({}, name))),
    }),
  ),
  {
    name: 'the report of a push cannot be read',
    request: push,
    arrange: bridged((handler, { body }) => {
      const stream = body as Readable // a Push
      stream.on('end', () => answer(200, trap(reportOfPush, 'content-encoding'))(handler)).resume()
    }),
  },
  {
    name: 'what a push says cannot be read',
    request: push,
    arrange: bridged(upload, way => way.request.setEncoding('latin1')),
  },
  {
    name: 'the upload cannot be begun',
    request: expecting,
    arrange: dispatching(upload, way => spoil(way.response, 'writeContinue', oops)),
  },
  {
    name: 'the upload cannot go on',
    request: post,
    arrange: dispatching(upload, way => spoilOnce(way.request, 'resume')),
  },
  {
    name: 'the upload cannot wait',
    request: largePost,
    arrange: dispatching(
      (_, options) => void (options.body as Readable).read(0),
      way => spoilOnce(way.request, 'pause'),
    ),
  },
  {
    name: 'the metrics cannot count an answer',
    arrange: way => {
      way.options = { ...way.options, observer: { ...way.options.observer, upstreamAnswered: oops } }
      dispatching(answer(200, plain))(way)
    },
    ends: 'passed',
  },
  {
    name: 'the log cannot tell of a failure',
    arrange: way => {
      way.options = { ...way.options, observer: { ...way.options.observer, upstreamFailed: oops } }
      dispatching(failing(new Error('gone')))(way)
    },
    status: 502,
  },
  {
    name: 'the log cannot tell of an outage',
    arrange: way =>
      void (way.options = {
        ...way.options,
        authorize: () => Promise.reject(new Outage('upstream', 'down')),
        observer: { ...way.options.observer, outage: oops },
      }),
  },
  {
    name: 'the log cannot tell of a bug',
    arrange: way =>
      void (way.options = {
        ...way.options,
        authorize: oops,
        observer: { ...way.options.observer, bug: oops },
      }),
    bugs: 0,
  },
  {
    name: 'the failure has no cause',
    arrange: dispatching(failing(undefined as never)),
  },
  {
    name: 'the head cannot be written at first',
    arrange: dispatching(answer(200, plain), way => spoilOnce(way.response, 'writeHead')),
  },
  {
    name: 'no head can be written',
    arrange: dispatching(answer(200, plain), way => spoil(way.response, 'writeHead', oops)),
    ends: 'cut',
    bugs: 2,
  },
  {
    name: 'a late head cannot be flushed',
    arrange: dispatching(
      handler => begin(handler, 200, {}),
      way => spoil(way.response, 'flushHeaders', oops),
    ),
    ends: 'cut',
  },
  {
    name: 'the body cannot be written',
    arrange: dispatching(answer(200, {}), way => spoil(way.response, 'write', oops)),
    ends: 'cut',
  },
  {
    name: 'the end cannot be written',
    arrange: dispatching(answer(200, plain), way => spoil(way.response, 'end', oops)),
    ends: 'cut',
  },
  {
    name: 'undici cannot pause',
    arrange: dispatching(handler => {
      begin(handler, 200, {})
      handler.onResponseData?.({ ...controllerOf([]), pause: oops }, Buffer.alloc(2 ** 22))
    }),
    ends: 'cut',
  },
  {
    name: 'undici cannot go on',
    arrange: dispatching(handler => {
      handler.onRequestStart?.({ ...controllerOf([]), resume: oops }, undefined)
      handler.onResponseStart?.(controllerOf([]), 200, {})
      handler.onResponseData?.(controllerOf([]), Buffer.alloc(2 ** 22))
    }),
    ends: 'cut',
  },
  {
    name: 'undici cannot cut off an answer that is refused',
    arrange: dispatching(handler =>
      handler.onResponseStart?.({ ...controllerOf([]), abort: oops }, 401, plain),
    ),
    status: 502,
  },
  {
    name: 'undici cannot cut off an answer before a fresh token is tried',
    arrange: acting(
      { rejected: async () => userToken('fresh') },
      dispatching(handler => handler.onResponseStart?.({ ...controllerOf([]), abort: oops }, 401, plain)),
    ),
  },
  {
    name: 'what is told of a rejected token throws',
    arrange: acting({ rejected: oops }, dispatching(answer(401, plain))),
  },
  {
    name: 'what follows a rejected token is nothing',
    arrange: acting({ rejected: async () => undefined as never }, dispatching(answer(401, plain))),
  },
  {
    name: 'a fresh token cannot be sent',
    arrange: acting({ rejected: async () => userToken('fresh') }, way => {
      let asked = 0
      way.options = { ...way.options, authorize: () => (asked++ === 0 ? [] : oops()) }
      dispatching(answer(401, plain))(way)
    }),
  },
  {
    name: 'the answer ends before it begins',
    arrange: dispatching(handler => handler.onResponseEnd?.(controllerOf([]), {})),
    ends: 'passed',
    bugs: 0,
  },
  {
    name: 'the answer begins, ends and fails again and again',
    arrange: dispatching(handler => {
      for (let n = 0; n < 3; n++) {
        answer(200, plain)(handler)
        failing(new Error('gone'))(handler)
      }
    }),
    ends: 'passed',
    bugs: 0,
  },
  {
    name: 'the answer goes on after its failure',
    arrange: dispatching(handler => {
      failing(new Error('gone'))(handler)
      answer(200, plain)(handler)
      failing(new Error('gone'))(handler)
    }),
    status: 502,
    bugs: 0,
  },
  {
    name: 'our own answer cannot be made',
    arrange: dispatching(failing(new Error('gone')), way => spoil(way.request, 'rawHeaders', null as never)),
    ends: 'cut',
    // The headers for the upstream cannot be made either.
    bugs: 2,
  },
]

for (const place of places)
  t.test(`a request ends even if ${place.name}`, async t => {
    const bugs: unknown[] = []
    const port = await serve(t, (request, response) => {
      const way: Way = { ...aWay(bugs), request, response }
      place.arrange(way)
      createForward(way.options)(request, response, way.context)
    })
    const client = await rawConnection(port)
    client.send(place.request ?? get)
    const answer = await client.closed()
    const { ends, status = ends === 'passed' ? 200 : 503 } = place
    if (ends === 'cut') t.notMatch(answer, /X-Altgate-Outcome|\r\n0\r\n\r\n$/, 'cut, never ended')
    else t.match(answer, new RegExp(`HTTP/1\\.1 ${status} `))
    if (ends === undefined) t.match(answer, /\r\nX-Altgate-Outcome: (?:unavailable|upstream-failed)\r\n/)
    t.equal(bugs.length, place.bugs ?? 1, 'the bug is told')
  })

t.test('the 503 of a bug is told with the request that got it, so that its reference is kept', async t => {
  const told: unknown[] = []
  const port = await serve(t, (request, response) => {
    const { options, context } = aWay([])
    const bug: Way['options']['observer']['bug'] = (_, id, of) => void told.push(id, of?.allowed.username)
    const observer = { ...options.observer, bug }
    createForward({ ...options, observer, authorize: oops })(request, response, context)
  })
  const client = await rawConnection(port)
  client.send(get)
  t.match(await client.closed(), /^HTTP\/1\.1 503 /)
  t.strictSame(told, ['id', 'anna@example.com'])
})

t.test('a disconnected client is released even if undici cannot be told', async t => {
  const bugs: unknown[] = []
  const under = Promise.withResolvers<ServerResponse>()
  const port = await serve(t, (request, response) => {
    const way: Way = { ...aWay(bugs), request, response }
    dispatching(handler => handler.onRequestStart?.({ ...controllerOf([]), abort: oops }, undefined))(way)
    createForward(way.options)(request, response, way.context)
    under.resolve(response)
  })
  const client = await rawConnection(port)
  client.send(get)
  const response = await under.promise
  client.socket.destroy()
  await once(response, 'close')
  t.match(bugs, [{ message: 'oops' }])
})

/** A server whose requests go straight to `forward`. */
async function serve(t: Test, listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  server.on('checkContinue', listener)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port // listening on TCP
}

const where = { naming: { by: 'path' }, publicUrl: 'https://git.example.com' } as const

/** An allowed request of Anna's, and an upstream that does not answer. */
function aWay(bugs: unknown[]): Pick<Way, 'options' | 'context' | 'bugs'> {
  return {
    bugs,
    options: {
      agents: both(agentOf(() => {})),
      shares: new FairShares({ perOrigin: 1, perUser: 1, waiting: 1 }),
      authorize: () => [],
      ...where,
      answer: ({ raw: { rawHeaders }, id, target }, ending) =>
        answerTo({ target, rawHeaders }, ending, { requestId: id, ...where }),
      observer: {
        upstreamAnswered() {},
        upstreamFailed() {},
        upstreamCrowded() {},
        signInNeeded() {},
        outage() {},
        bug: error => void bugs.push(error),
      },
    },
    context: {
      allowed: {
        outcome: 'allow',
        account: { name: 'fabrikam', upstream: 'http://127.0.0.1:1', connection: { kind: 'msa' } },
        scope: 'msa',
        username: 'anna@example.com',
        subject: 'subject-0',
        via: 'l1',
      },
      ask: {
        id: 'id',
        method: 'GET',
        target: '/fabrikam/x',
        host: 'h',
        authorization: [new Secret('x')],
        from: '127.0.0.1',
        secure: true,
      },
      client: { from: '127.0.0.1', trusted: false, secure: true, host: 'h', forwardedFor: '127.0.0.1' },
      route: courseTo('/fabrikam/x'),
    } as unknown as RequestContext, // names are branded types
  }
}

function courseTo(target: string): RequestContext['route'] {
  const destination = { origin: 'http://127.0.0.1:1', path: target, outer: '/fabrikam', inner: '/fabrikam' }
  return { mapping: { target, address: 'https://h', destination }, headers: [] }
}

/** The request acts as its user. */
function acting(delegation: Partial<Delegation>, then: (way: Way) => void): (way: Way) => void {
  return way => {
    const { allowed } = way.context
    way.context = { ...way.context, allowed: { ...allowed, act: userToken('old') } }
    way.options = { ...way.options, delegation: { ...givenDelegation(), ...delegation } }
    then(way)
  }
}

type Act = (handler: Handler, options: Dispatcher.DispatchOptions) => void
/** All of what undici may call, controllers left out. */
type Handler = Dispatcher.DispatchHandler

/** An upstream that does as `act` says, as soon as a request is dispatched to it. */
function agentOf(act: Act): Dispatcher {
  const agent: Pick<Dispatcher, 'dispatch'> = {
    dispatch(options, handler) {
      act(handler, options)
      return true
    },
  }
  return agent as Dispatcher // nothing else of it is asked for
}

function dispatching(act: Act, prepare: (way: Way) => void = () => {}): (way: Way) => void {
  return way => {
    way.options = { ...way.options, agents: both(agentOf(act)) }
    prepare(way)
  }
}

function both(agent: Dispatcher): UpstreamAgents {
  return { kept: agent, fresh: agent }
}

/** The same for a push that a bridge allows. */
function bridged(act: Act, prepare?: (way: Way) => void): (way: Way) => void {
  return way => {
    const { context } = way
    way.context = {
      ...context,
      ask: { ...context.ask, method: 'POST', target: '/fabrikam/x.git/git-receive-pack' },
      route: courseTo('/fabrikam/x.git/git-receive-pack'),
      allowed: { ...context.allowed, bridgedUntil: 0 },
    }
    dispatching(act, prepare)(way)
  }
}

function controllerOf(raw: readonly string[] | null): Dispatcher.DispatchController {
  const rawHeaders = raw === null ? null : raw.map(each => Buffer.from(each, 'latin1'))
  return { aborted: false, paused: false, reason: null, rawHeaders, abort() {}, pause() {}, resume() {} }
}

function begin(
  handler: Handler,
  status: number,
  headers: Record<string, string>,
  raw: readonly string[] | null = [],
): void {
  handler.onRequestStart?.(controllerOf([]), undefined)
  handler.onResponseStart?.(controllerOf(raw), status, headers, 'OK')
}

function answer(status: number, headers: Record<string, string>, raw: readonly string[] = []) {
  return (handler: Handler) => {
    begin(handler, status, headers, raw)
    handler.onResponseData?.(controllerOf(raw), Buffer.from('hi'))
    handler.onResponseEnd?.(controllerOf(raw), {})
  }
}

function failing(error: Error) {
  return (handler: Handler) => handler.onResponseError?.(noController, error)
}

/** Reads the whole upload, and fails the exchange when it is destroyed, as undici does. */
function upload(handler: Handler, { body }: Dispatcher.DispatchOptions): void {
  const stream = body as Readable // an Upload
  stream.on('close', () => handler.onResponseError?.(noController, new Error('closed'))).resume()
}

/** A record of which one value cannot be read. */
function trap<T extends object>(record: T, name: string): T {
  return Object.defineProperty({ ...record }, name, { get: oops, enumerable: true })
}

function spoil<T extends object, K extends keyof T>(whole: T, name: K, instead: T[K]): void {
  Object.defineProperty(whole, name, { value: instead })
}

/** Its first call throws. */
function spoilOnce<T extends object>(whole: T, name: keyof T): void {
  Object.defineProperty(whole, name, {
    configurable: true,
    value() {
      Reflect.deleteProperty(whole, name)
      oops()
    },
  })
}
