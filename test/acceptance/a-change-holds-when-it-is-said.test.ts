import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { toEachWorker } from '../support/each-worker.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { workersOf } from '../support/processes.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

/** What is so now. */
interface State {
  readonly password: string
  readonly enabled: boolean
  readonly connected: boolean
}

/** A command, and what it makes of the state. */
interface Change {
  readonly words: readonly string[]
  readonly stdin?: string
  readonly after: (state: State) => State
}

function newPassword(password: string): Change {
  return { words: set, stdin: `${password}\n`, after: state => ({ ...state, password }) }
}

const changes: readonly Change[] = [
  newPassword('the second password'),
  {
    words: ['credential', 'disable', '--scope', 'msa', '--user', anna],
    after: state => ({ ...state, enabled: false }),
  },
  newPassword('the third password'),
  {
    words: ['credential', 'enable', '--scope', 'msa', '--user', anna],
    after: state => ({ ...state, enabled: true }),
  },
  {
    words: ['account', 'connect', 'contoso', '--directory', directory],
    after: state => ({ ...state, connected: true }),
  },
  newPassword('the fourth password'),
  { words: ['account', 'disconnect', 'contoso'], after: state => ({ ...state, connected: false }) },
  newPassword('the fifth password'),
]

/** What every process must answer to the right password. */
function expected({ enabled, connected }: State): string {
  if (connected) return '401 reset-needed'
  return enabled ? '200 allow' : '403 disabled'
}

/** A caller who comes every few milliseconds: one gateway and one password after the other, until told to stop. */
function hammer(altgates: readonly Altgate[], passwords: readonly string[]) {
  let going = true
  const statuses = new Set<number>()
  async function call(): Promise<void> {
    while (going)
      for (const { url } of altgates)
        for (const password of passwords) {
          statuses.add((await ask(url + path, { as: [anna, password] })).status)
          await delay(30)
        }
  }
  const calling = call()
  return async () => {
    going = false
    await calling
    return statuses
  }
}

async function holdsEverywhere(t: Test, altgates: readonly [Altgate, ...Altgate[]]): Promise<void> {
  const [first] = altgates
  const upstream = await recordingUpstream(t)
  await first.must(['directory', 'add', directory, '--name', 'Contoso Ltd'])
  let state: State = { password: 'the first password', enabled: true, connected: false }
  let former = 'never anybody’s password'
  await first.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: state.password } })

  const workers = await Promise.all(altgates.map(altgate => toEachWorker(t, altgate)))
  t.equal(workersOf(first.pid).length, 2)
  const answers = async (password: string) =>
    summary((await Promise.all(workers.map(each => each(path, { as: [anna, password] })))).flat())
  t.equal(await answers(state.password), expected(state), 'to begin with')

  for (const { words, stdin = '', after } of changes) {
    const stop = hammer(altgates, [state.password, former])
    await first.must(words, { stdin })
    const next = after(state)
    // The change is said: from here on nobody may answer by the former state.
    const now = await Promise.all([answers(next.password), answers(former)])
    const replaced = next.password === state.password ? undefined : await answers(state.password)
    const seen = await stop()

    const what = words.slice(0, 2).join(' ')
    t.strictSame(now, [expected(next), '401 refused'], `${what}: all answer by the new state`)
    if (replaced !== undefined) {
      t.equal(replaced, '401 refused', 'the replaced password is refused')
      former = state.password
    }
    t.ok(
      [...seen].every(status => status < 500),
      `nobody met an outage (${[...seen].join(' ')})`,
    )
    state = next
  }
}

/** The same old password is tried again and again: not what this is about. */
const throttle = { repetition: { requests: 1_000_000 } }

t.test('on one machine without Redis', async t => {
  await holdsEverywhere(t, [
    await startAltgate(t, { settings: { workers: 2, hashing: cheapHashing, throttle } }),
  ])
})

t.test('on two machines that share PostgreSQL and Redis', async t => {
  const [database, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const settings = {
    workers: 2,
    store: { url: database.url },
    redis: { url: redis.url },
    hashing: cheapHashing,
    throttle,
  }
  const first = await startAltgate(t, { settings })
  const second = await startAltgate(t, { settings: { ...settings, workers: 1 } })
  await holdsEverywhere(t, [first, second])
})
