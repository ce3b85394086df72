import t, { type Test } from 'tap'
import pg from 'pg'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { startInjectingRelay, type InjectingRelay } from '../support/injecting-relay.ts'
import { message, messagesIn } from '../support/postgres-message.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { actor, manyCredentials, msa, outage, silently } from './samples.ts'

/** Each fits somewhere, and nowhere else. */
const outOfTurn: Readonly<Record<string, Buffer>> = {
  'the end of a statement': message('C', 'SELECT 1\0'),
  'the end of another statement': message('C', 'SELECT 0\0'),
  'the end of an empty statement': message('I'),
  'readiness for the next statement': message('Z', 'I'),
  'a row': message('D', '\0\x01\0\0\0\x01x'),
  'a row of no columns': message('D', '\0\0'),
  'a description of no columns': message('T', '\0\0'),
  'no description': message('n'),
  'that it has read a statement': message('1'),
  'that it has its values': message('2'),
  'that it has closed it': message('3'),
  'that there is more': message('s'),
  'an error': message('E', 'SERROR\0C42P01\0Mno such table\0\0'),
  'the end of the session': message('E', 'SFATAL\0C57P01\0Mterminating\0\0'),
  'an error without a code': message('E', 'Mwho knows\0\0'),
  'a letter that is none': message('x', 'abc'),
  'that the client is in': message('R', '\0\0\0\0'),
  'a request to go on signing in': message('R', '\0\0\0\x0bdata'),
  'the end of signing in': message('R', '\0\0\0\x0cdata'),
  'a key to cancel by': message('K', '\0\0\0\x01\0\0\0\x01'),
  'a request for data': message('G', '\0\0\0'),
  'an offer of data': message('H', '\0\0\0'),
  data: message('d', 'abc'),
  'the end of data': message('c'),
  'what its values are': message('t', '\0\0'),
  'two answers': Buffer.concat([message('C', 'SELECT 0\0'), message('Z', 'I')]),
}

/** The server may send these whenever it likes. */
const inTurn: Readonly<Record<string, Buffer>> = {
  'a notice': message('N', 'SNOTICE\0C00000\0Mhello\0\0'),
  'a notification': message('A', '\0\0\0\x01channel\0payload\0'),
  'a setting': message('S', 'TimeZone\0UTC\0'),
}

const server = await startPostgres(t)
let made = 0

interface Rig {
  readonly store: Store
  readonly relay: InjectingRelay
  /** Sessions at the server. */
  readonly sessions: () => Promise<number>
}

/** More than a store has connections for, so that some statements wait for one. */
const credentials = manyCredentials(12)

async function prepare(t: Test): Promise<Rig> {
  const address = await server.database(`messages_${++made}`)
  const relay = await startInjectingRelay(t, address)
  const store = await openStore({ url: new Secret(relay.url) })
  t.teardown(() => store.close())
  await store.registry(silently).importCredentials(actor, msa, credentials, () => {})
  const watcher = new pg.Client({ connectionString: address })
  await watcher.connect()
  t.teardown(() => watcher.end())
  const counting = `select from pg_stat_activity where application_name = 'altgate' and datname = current_database()`
  return { store, relay, sessions: async () => (await watcher.query(counting)).rowCount ?? 0 }
}

/** Looks for each of them at once, and gives how many could be asked for; what is answered is true. */
async function askForAll(t: Test, store: Store, when: string, asked = credentials): Promise<number> {
  const answers = await Promise.allSettled(
    asked.map(({ username }) => store.credentials.find(msa, undefined, username)),
  )
  for (const [at, answer] of answers.entries()) {
    const { hash } = asked[at] ?? {}
    if (answer.status === 'rejected') t.match(answer.reason, outage, `${when}: an outage`)
    else if (answer.value.current?.hash !== hash) t.fail(`${when}: the answer is another one's`)
  }
  return answers.filter(({ status }) => status === 'fulfilled').length
}

/** `most`: sessions that a store may have. */
async function isWell(
  t: Test,
  { store, sessions }: Rig,
  when: string,
  asked = credentials,
  most = 10,
): Promise<void> {
  await until(async () => (await askForAll(t, store, when, asked)) === asked.length)
  // What is given up is closed: the server has a limit.
  await until(async () => (await sessions()) <= most)
}

t.test('a message out of turn costs its connection, and no statement gets the answer to another', async t => {
  const rig = await prepare(t)
  const { relay, store } = rig
  for (const [what, bytes] of Object.entries(outOfTurn)) {
    relay.inject(bytes)
    await askForAll(t, store, `${what}, to connections that rest`)
    await isWell(t, rig, `after ${what}`)

    let left = 3
    relay.alter(answer => (left-- > 0 ? Buffer.concat([bytes, answer]) : answer))
    await askForAll(t, store, `${what}, before an answer`)
    left = 3
    relay.alter(answer => (left-- > 0 ? Buffer.concat([answer, bytes]) : answer))
    await askForAll(t, store, `${what}, after an answer`)
    relay.alter(undefined)
    await isWell(t, rig, `after ${what}`)
  }
})

t.test('an unexpected message during connecting leaves no connection behind', async t => {
  const rig = await prepare(t)
  const { relay, store } = rig
  // A connection for each of them: what stays behind of a message is more than the limit.
  const some = credentials.slice(0, 2)
  for (const [what, bytes] of Object.entries(outOfTurn)) {
    relay.alter(answer => Buffer.concat([bytes, answer]))
    relay.inject(bytes) // so that all have to be made anew
    for (let turn = 0; turn < 2; turn += 1) await askForAll(t, store, `${what}, while signing in`, some)
    relay.alter(undefined)
    await isWell(t, rig, `after ${what}`, some, some.length)
  }
})

t.test('what the server may say at any time costs nothing', async t => {
  const rig = await prepare(t)
  const { relay, store } = rig
  await isWell(t, rig, 'before')
  const before = relay.connections()
  for (const [what, bytes] of Object.entries(inTurn)) {
    relay.inject(bytes)
    relay.alter(answer => Buffer.concat([bytes, answer, bytes]))
    t.equal(await askForAll(t, store, what), credentials.length, what)
    relay.alter(undefined)
  }
  t.equal(relay.connections(), before, 'no connection was made anew')
})

t.test(
  'a row that is lost, or comes twice, is an outage, and not a credential that is not there',
  async t => {
    const rig = await prepare(t)
    const { relay, store } = rig
    const times = (count: number) => (answer: Buffer) =>
      Buffer.concat(
        messagesIn(answer).flatMap(each =>
          each.toString('latin1', 0, 1) === 'D' ? Array(count).fill(each) : each,
        ),
      )
    for (const count of [0, 2]) {
      await isWell(t, rig, 'before')
      relay.alter(times(count))
      t.equal(await askForAll(t, store, `${count} times`), 0)
      relay.alter(undefined)
    }
    await isWell(t, rig, 'afterwards')
  },
)
