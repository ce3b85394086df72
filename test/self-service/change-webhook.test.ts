import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Delivered, LoggedChange } from '../../src/gateway/deliveries.ts'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createChangeSender } from '../../src/self-service/change-webhook.ts'

const key = 'a key of some length'

const added: LoggedChange = {
  number: 12,
  token: 'abcdefghijklmnop',
  at: 0,
  actor: 'cli:root',
  action: 'credential-set',
  scope: msaScope,
  usernames: [foldUsername('anna@example.com')],
}

function change(rest: Partial<LoggedChange> = {}): Delivered {
  return { kind: 'change', change: { ...added, ...rest } }
}

interface Got {
  readonly event: Record<string, unknown>
  readonly isSigned: boolean
  readonly id: unknown
}

/** A receiver that answers with these statuses in turn, and then with 204. */
async function receiver(t: Test, answers: readonly (readonly [number, Record<string, string>?])[] = []) {
  const got: Got[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const { 'x-altgate-signature': signature, 'x-altgate-delivery': id } = request.headers
    const isSigned = signature === `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
    const [status, headers] = answers[got.length] ?? [204]
    got.push({ event: JSON.parse(body) as Record<string, unknown>, isSigned, id })
    response.writeHead(status, headers).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo // listening on TCP
  const clock = { now: 0 }
  const failures: string[] = []
  const sender = createChangeSender({
    to: { url: new Secret(`http://127.0.0.1:${port}/`), secret: new Secret(key) },
    failed: cause => failures.push(String(cause)),
    now: () => 0,
    steadyNow: () => clock.now,
  })
  /** Milliseconds until it is ready again. */
  const pause = () => {
    const began = clock.now
    while (!sender.isReady()) clock.now += 500
    return clock.now - began
  }
  return { ...sender, got, failures, pause }
}

t.test('a change says what, who, whom and when, with an id, and is signed', async t => {
  const { deliver, got } = await receiver(t)
  t.equal(await deliver([change()]), 1)
  t.strictSame(got, [
    {
      event: {
        event: 'change',
        id: '12-abcdefgh',
        number: 12,
        action: 'credential-set',
        actor: 'cli:root',
        scope: 'msa',
        usernames: ['anna@example.com'],
        at: '1970-01-01T00:00:00.000Z',
      },
      isSigned: true,
      id: '12-abcdefgh',
    },
  ])
})

t.test('missing changes are told', async t => {
  const { deliver, got } = await receiver(t)
  t.equal(await deliver([{ kind: 'gap', because: 'not-kept', first: 3, last: 9 }, change()]), 2)
  t.strictSame(got[0]?.event, {
    event: 'gap',
    because: 'not-kept',
    first: 3,
    last: 9,
    at: '1970-01-01T00:00:00.000Z',
  })
})

t.test('an import does not send thousands of names', async t => {
  const { deliver, got } = await receiver(t)
  const usernames = Array.from({ length: 2000 }, (_, at) => foldUsername(`user${at}`))
  await deliver([change({ usernames })])
  t.match(got[0]?.event, { usernames: { length: 100 }, usernamesLeft: 1900 })
})

t.test('what is not accepted holds up what follows, and is tried again with longer pauses', async t => {
  const statuses = [500, 302, 404, 429, 503, 500, 500, 500] as const
  const answers = statuses.map(
    status => [status, status === 503 ? { 'retry-after': '90' } : undefined] as const,
  )
  const { deliver, got, failures, pause } = await receiver(
    t,
    answers.map(([status, headers]) => (headers ? [status, headers] : [status])),
  )
  const pauses = []
  for (const _ of statuses) {
    t.equal(await deliver([change(), change({ number: 13 })]), 0)
    pauses.push(pause())
  }
  t.strictSame(pauses, [1000, 2000, 4000, 8000, 90_000, 32_000, 60_000, 60_000])
  t.equal(failures.length, statuses.length)
  t.equal(await deliver([change(), change({ number: 13 })]), 2)
  t.strictSame(
    got.map(({ event }) => event['number']),
    [...statuses.map(() => 12), 12, 13],
  )
})
