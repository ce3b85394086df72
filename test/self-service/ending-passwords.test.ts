import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createAnnouncer } from '../../src/self-service/ending-passwords.ts'
import { createEndAnnouncements } from '../../src/self-service/webhook.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { until } from '../support/until.ts'

const anna = foldUsername('anna@example.com')
const day = 24 * 60 * 60 * 1000
const start = Date.UTC(2027, 0, 1)
const generated = createGeneratedPasswords(Buffer.alloc(32, 1))

/** A receiver of announcements. */
async function aReceiver(t: Test) {
  const events: Record<string, unknown>[] = []
  const receiver = { events, status: 204, refuses: /^$/, unanswered: false }
  const server = createServer(async (request, response) => {
    const event = JSON.parse(await text(request)) as Record<string, unknown> // our own JSON
    const isRefused = receiver.refuses.test(String(event['password']))
    if (receiver.unanswered) return void response.destroy()
    if (receiver.status === 204 && !isRefused) events.push(event)
    response.writeHead(isRefused ? 400 : receiver.status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  const told = () => events.map(({ password, days }) => `${String(password)} ${String(days)}`)
  return {
    ...receiver,
    told,
    set: (its: Partial<typeof receiver>) => Object.assign(receiver, its),
    url: new Secret(`http://127.0.0.1:${port}/`),
  }
}

/** A store with passwords of these names, which end in this order after thirty days, and gateways that announce their ends. */
async function aWorldThatEnds(t: Test, ...names: readonly string[]) {
  const clock = { now: start }
  const address = new Secret(`sqlite:${t.testdir({})}/altgate.db`)
  const open = async () => {
    const store = await openStore({ url: address, clock: () => clock.now })
    t.teardown(() => store.close())
    return store
  }
  const store = await open()
  const registry = store.registry(async () => {})
  for (const [at, name] of names.entries()) {
    const { id, mac } = generated.make()
    const password = { id, mac, name, readOnly: false, endsAt: start + 30 * day + at }
    t.equal(await registry.addPassword('test', msaScope, { username: anna }, password), undefined)
  }
  const receiver = await aReceiver(t)
  const failed: unknown[] = []
  const gateway = (holder: string, its: Partial<Store> = {}) =>
    createAnnouncer({
      passwordEnds: its.passwordEnds ?? store.passwordEnds,
      turns: store.turns,
      holder,
      announce: createEndAnnouncements({ url: receiver.url }),
      failed: cause => void failed.push(cause),
      now: () => clock.now,
      steadyNow: () => clock.now,
    })
  return { clock, store, receiver, failed, gateway }
}

t.test('each of fourteen, seven and one days ahead, and the end, is announced once', async t => {
  const { clock, receiver, gateway, failed } = await aWorldThatEnds(t, 'build-7')
  const one = gateway('one')
  for (let hours = 0; hours <= 32 * 24; hours += 6) {
    clock.now = start + hours * 60 * 60 * 1000
    await one.look()
  }
  t.strictSame(receiver.told(), ['build-7 14', 'build-7 7', 'build-7 1', 'build-7 0'])
  t.match(receiver.events[0], {
    event: 'credential-password-ending',
    scope: 'msa',
    username: 'anna@example.com',
    password: 'build-7',
    passwordId: /^[0-9A-Za-z]{10}$/,
    days: 14,
    endsAt: '2027-01-31T00:00:00.000Z',
    at: '2027-01-17T00:00:00.000Z',
  })
  t.match(receiver.events[3], { event: 'credential-password-ended', days: 0 })
  t.strictSame(failed, [])
  await one.close()
})

t.test('of several gateways one announces, and another takes over when it stops or dies', async t => {
  const { clock, receiver, gateway } = await aWorldThatEnds(t, 'build-7')
  const [one, two, three] = [gateway('one'), gateway('two'), gateway('three')]
  clock.now = start + 16 * day + 10
  await Promise.all([one.look(), two.look(), three.look()])
  t.strictSame(receiver.told(), ['build-7 14'])
  await one.close()
  await two.close()
  clock.now = start + 23 * day
  await three.look()
  t.strictSame(receiver.told(), ['build-7 14', 'build-7 7'])
  const four = gateway('four')
  await four.look()
  clock.now = start + 29 * day // three has died meanwhile
  await four.look()
  t.strictSame(receiver.told(), ['build-7 14', 'build-7 7', 'build-7 1'])
})

t.test('while the receiver is down nothing is lost, and it is left alone after three failures', async t => {
  const names = Array.from({ length: 10 }, (_, number) => `p${number}`)
  const { clock, receiver, gateway, failed } = await aWorldThatEnds(t, ...names)
  const one = gateway('one')
  receiver.set({ status: 503 })
  clock.now = start + 16 * day + names.length
  await one.look()
  t.equal(failed.length, 3)
  receiver.set({ unanswered: true })
  await one.look()
  t.equal(failed.length, 6)
  receiver.set({ status: 204, unanswered: false })
  await one.look()
  await one.look()
  t.strictSame(
    receiver.told().toSorted(),
    names.map(name => `${name} 14`),
  )
})

t.test('what the receiver never accepts does not keep the others waiting', async t => {
  const { clock, receiver, gateway, failed } = await aWorldThatEnds(
    t,
    'bad-1',
    'bad-2',
    'bad-3',
    'bad-4',
    'good',
    'fine',
  )
  receiver.set({ refuses: /^bad/ })
  clock.now = start + 16 * day + 10
  const one = gateway('one')
  for (let look = 0; look < 5; look++) await one.look()
  t.strictSame(receiver.told().toSorted(), ['fine 14', 'good 14'])
  t.ok(failed.length > 4, 'and it is tried again')
})

t.test('a store that is lost after the receiver accepted does not repeat an announcement', async t => {
  const { clock, store, receiver, gateway } = await aWorldThatEnds(t, 'build-7')
  let isDown = true
  const passwordEnds: Store['passwordEnds'] = {
    due: (...words) => store.passwordEnds.due(...words),
    async announced(password) {
      if (isDown) throw new Outage('store', new Error('down'))
      await store.passwordEnds.announced(password)
    },
  }
  const one = gateway('one', { passwordEnds })
  clock.now = start + 16 * day + 10
  await t.rejects(one.look(), Outage)
  await t.rejects(one.look(), Outage)
  isDown = false
  await one.look()
  await one.look()
  t.strictSame(receiver.told(), ['build-7 14'])
})

t.test(
  'a gateway that is closed while it announces ends the one in progress, and begins no other',
  async t => {
    const { clock, receiver, gateway } = await aWorldThatEnds(t, 'a', 'b')
    clock.now = start + 16 * day + 10
    const one = gateway('one')
    const looking = one.look()
    await until(() => receiver.events.length > 0, 1)
    await one.close()
    await looking
    const told = receiver.told().length
    await gateway('two').look()
    t.equal(receiver.told().length, 2, `${told} by the first`)
  },
)
