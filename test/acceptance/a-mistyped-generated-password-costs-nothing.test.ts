import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = 'anna@example.com'

t.test('a generated password opens the account, mistyped it costs no hash, and its use is kept', async t => {
  const upstream = await startUpstream(t, ['fabrikam'])
  const altgate = await startAltgate(t)
  const address = `${altgate.url}/fabrikam/welcome.git/info/refs?service=git-upload-pack`
  await altgate.arrange({ accounts: { fabrikam: upstream.url } })
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna, '--generate']
  const password = (await altgate.must(set)).trim()
  const before = Date.now()
  t.equal((await ask(address, { as: [anna, password] })).outcome, 'allow')

  const hashes = await metric(altgate, 'altgate_password_hashes_total')
  const mistyped = password.replace(/.$/, last => (last === 'x' ? 'y' : 'x'))
  const asked = (user: string, presented: string) => ask(address, { as: [user, presented] })
  const known = await asked(anna, mistyped)
  const unknown = await asked('nobody@example.com', mistyped)
  t.match(
    [known, unknown],
    [
      { status: 401, outcome: 'refused' },
      { status: 401, outcome: 'refused' },
    ],
  )
  t.equal(await metric(altgate, 'altgate_password_hashes_total'), hashes)
  t.equal(await metric(altgate, 'altgate_decisions_total', { outcome: 'refused', via: 'none' }), 2)

  const wrong = await asked(anna, 'simply wrong')
  const withoutId = (text: string) => text.replace(/^Reference: .*$/m, '')
  for (const forged of [known, unknown])
    t.equal(withoutId(forged.body), withoutId(wrong.body), 'what is said is the same')
  t.equal(await metric(altgate, 'altgate_password_hashes_total'), hashes + 1)

  t.equal(await altgate.stop(), 0)
  const listed = await altgate.must(['credential', 'list', '--scope', 'msa', '--json'])
  const [{ lastUsed }] = JSON.parse(listed) as [{ lastUsed: { at: string; from: string } }]
  t.equal(lastUsed.from, '127.0.0.1')
  t.ok(Date.parse(lastUsed.at) >= before && Date.parse(lastUsed.at) <= Date.now(), lastUsed.at)
  t.match(
    await altgate.must(['credential', 'list', '--scope', 'msa']),
    /UTC +\S+ \S+ UTC from 127\.0\.0\.1$/m,
  )
  t.notMatch(altgate.logs(), password)
  t.notMatch(altgate.logs(), mistyped)
})
