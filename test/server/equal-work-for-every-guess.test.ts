import t from 'tap'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// An answer that differs in text or in work would reveal which names exist. Work is counted in password hashes, because
// times depend on the machine.

const upstream = await recordingUpstream(t)
const umlauts = { username: 'umlauts@example.com', password: 'p\u00e4\u00e4' }
const former = { connection: msa, leftAt: 0 }
const contoso = entra('Contoso')
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: upstream.url },
    { name: 'moved', connection: contoso, former, upstream: upstream.url },
  ],
  credentials: [
    anna,
    umlauts,
    { username: 'off@example.com', password: 'correct', enabled: false },
    { connection: contoso, username: 'ben@example.com', password: 'correct' },
  ],
})
const server = await runningServer(t, { upstream: upstream.url, world })

/** What a guess gets, less its reference and the time, and how many hashes it cost. */
async function guess(account: string, username: string, password: string) {
  const before = world.hashes()
  const authorization = basic({ username, password })
  const answer = await fetch(`${server.url}/${account}/x`, { headers: { authorization } })
  const headers = [...answer.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  const body = (await answer.text()).replace(/[0-9a-f]{24}/, 'ID')
  return { answer: { status: answer.status, headers, body }, hashes: world.hashes() - before }
}

t.test(
  'an unknown name and a wrong password get one answer and cost one hash, also on a moved account',
  async t => {
    for (const account of ['fabrikam', 'moved']) {
      const unknown = await guess(account, 'nobody@example.com', 'wrong')
      t.equal(unknown.hashes, 1, 'an unknown name costs a hash')
      t.equal(unknown.answer.status, 401)
      for (const name of [anna.username, 'off@example.com', 'ben@example.com'])
        t.strictSame(await guess(account, name, 'wrong'), unknown, `${name} on ${account}`)
    }
  },
)

t.test('the right password costs one hash as well, whether allowed, disabled or outdated', async t => {
  for (const [account, username, password, status] of [
    ['fabrikam', anna.username, anna.password, 200],
    ['fabrikam', 'off@example.com', 'correct', 403],
    ['moved', anna.username, anna.password, 401],
    ['moved', 'ben@example.com', 'correct', 200],
  ] as const) {
    const { answer, hashes } = await guess(account, username, password)
    t.equal(answer.status, status)
    t.equal(hashes, 1)
  }
})

t.test('one wrong password twenty times costs one hash, and an empty one none', async t => {
  const before = world.hashes()
  for (let n = 0; n < 20; n++) t.equal((await guess('fabrikam', anna.username, 'again')).answer.status, 401)
  t.equal(world.hashes() - before, 1)
  t.equal((await guess('fabrikam', anna.username, '')).hashes, 0)
})

t.test('a password with question marks for letters that a tool cannot send is refused', async t => {
  t.equal((await guess('fabrikam', umlauts.username, umlauts.password)).answer.status, 200)
  for (const sent of ['p??', 'p?\u00e4', 'paa', 'p'])
    t.equal((await guess('fabrikam', umlauts.username, sent)).answer.status, 401, sent)
})
