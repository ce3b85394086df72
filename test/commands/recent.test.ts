import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'

t.test('a help desk finds a refusal by the reference that the user was shown', async t => {
  const altgate = await startAltgate(t)
  await altgate.arrange({
    accounts: { fabrikam: 'http://127.0.0.1:9' },
    passwords: { [anna]: 'canary-right' },
  })
  const url = `${altgate.url}/fabrikam/hello.git/info/refs?service=git-upload-pack`
  const send = async (user: string, password: string) => {
    const answer = await ask(url, { as: [user, password], headers: { 'user-agent': 'git/2.47.1' } })
    return { status: answer.status, reference: String(answer.headers['x-request-id']) }
  }
  const wrong = await send(anna, 'canary-wrong')
  const unknown = await send('canary-typed-here', 'x')
  const failed = await send(anna, 'canary-right')
  t.same([wrong.status, unknown.status, failed.status], [401, 401, 502])
  await ask(url) // a challenge is no refusal

  const json = async (...words: string[]) => JSON.parse(await altgate.must([...words, '--json']))
  await until(async () => (await json('recent')).length >= 3)
  const all: readonly object[] = await json('recent')
  const common = {
    account: 'fabrikam',
    from: '127.0.0.1',
    tool: 'git/2.47.1',
    method: 'GET',
    kind: 'git-advertisement',
  }
  t.match(all, [
    { ...common, reference: wrong.reference, outcome: 'refused', cause: 'mismatch', user: anna },
    { ...common, reference: unknown.reference, outcome: 'refused', cause: 'absent', user: undefined },
    { ...common, reference: failed.reference, outcome: 'upstream-failed', cause: 'refused', user: anna },
  ])
  t.equal(all.length, 3)
  t.notMatch(JSON.stringify(all), 'canary')
  t.match(await json('recent', '--outcome', 'upstream-failed'), [{ reference: failed.reference }])
  t.match(await json('recent', '--user', anna, '--since', '5m'), [{}, {}])
  t.match(await altgate.must(['recent']), /^AT +REFERENCE +OUTCOME +CAUSE +ACCOUNT +USER +FROM +TOOL\n/)

  const told = await altgate.must(['explain', '--reference', wrong.reference])
  t.match(told, /^because {4}the password is wrong$/m)
  t.match(told, /^tool {7}git\/2.47.1$/m)
  t.match(told, /^Now, if the password is right:$/m)
  t.match(told, /^allow: forwarded to http:\/\/127.0.0.1:9/m)
  t.match(
    await altgate.must(['explain', '--reference', unknown.reference.toUpperCase()]),
    /^user {7}one that is unknown, and is not kept$/m,
  )
  t.match(await json('explain', '--reference', wrong.reference), {
    happened: { cause: 'mismatch' },
    now: { outcome: 'allow' },
  })

  const whose = ['--scope', 'msa', '--user', anna]
  const add = ['credential', 'password', 'add', ...whose, '--name', 'mirror', '--read-only']
  const mirror = (await altgate.must(add)).trim()
  const push = url.replace('git-upload-pack', 'git-receive-pack')
  const kept = String((await ask(push, { as: [anna, mirror] })).headers['x-request-id'])
  await until(async () => (await altgate.cli(['explain', '--reference', kept])).code === 0)
  await altgate.must(['credential', 'password', 'revoke', ...whose, '--name', 'mirror'])
  const explained = await altgate.must(['explain', '--reference', kept])
  t.match(explained, /^outcome {4}read-only$/m)
  t.match(explained, /^Now, of the passwords with that name:\nmirror, revoked \S+ \S+ UTC, read, /m)
  t.match(explained, /^Now, with any that works:$/m)
  t.match(await json('explain', '--reference', kept), {
    happened: { passwordName: 'mirror' },
    passwords: [{ name: 'mirror', over: { cause: 'revoked' } }],
  })

  t.match(await altgate.cli(['explain', '--reference', 'f'.repeat(24)]), {
    code: 1,
    stderr: /kept for 7 days/,
  })
  t.match(await altgate.cli(['explain', '--reference', 'x']), { code: 2 })
  t.match(await altgate.cli(['explain', '--account', 'fabrikam']), {
    code: 2,
    stderr: /--account and --user, or --reference/,
  })
})
