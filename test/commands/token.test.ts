import t from 'tap'
import { awayFromMidnight } from '../support/midnight.ts'
import { aDesk } from './desk.ts'

await awayFromMidnight()

t.test('tokens of the API', async t => {
  const desk = aDesk(t, { ALTGATE__PASSWORDS__MAXLIFEDAYS: '400' })

  await t.test('a token is printed once, alone, and listed without it', async t => {
    const ran = await desk.run(['token', 'add', 'helpdesk', '--scope', 'read'])
    t.match(ran.stdout, /^aga_[0-9A-Za-z]{38}\n$/)
    t.match(
      ran.stderr,
      /The token helpdesk was added\. It works until .*\nThe API is off: set admin\.api to true\./,
    )
    const listed = await desk.must(['token', 'list'])
    t.match(listed, /^NAME +SCOPE +ADDED +BY +ENDS +LAST USED\nhelpdesk +read +20\S+ \S+ UTC +cli:/)
    t.notMatch(listed, 'aga_')
    t.match(await desk.json(['token', 'list']), [{ name: 'helpdesk', scope: 'read', endsAt: /^20/ }])
    t.match(await desk.json(['history']), [{ action: 'token-added', users: ['helpdesk'] }])
  })

  await t.test('with an end, and without one where that is allowed', async t => {
    const added = ['token', 'add', 'robot', '--scope', 'write', '--expires']
    t.match(await desk.run([...added, 'never']), { code: 1, stderr: /has to end.* Nothing was changed\./ })
    t.match(await desk.run([...added, '2020-01-31']), { code: 1, stderr: /must not be in the past/ })
    const day = new Date(Date.now() + 9 * 86_400_000).toISOString().slice(0, 10)
    t.match(await desk.json([...added, day]), {
      name: 'robot',
      scope: 'write',
      token: /^aga_/,
      endsAt: /^20/,
    })
  })

  await t.test('what cannot be', async t => {
    t.match(await desk.run(['token', 'add', 'helpdesk', '--scope', 'read']), {
      code: 1,
      stderr: /There is a token called helpdesk already\. Nothing was changed\./,
    })
    for (const words of [['a b', '--scope', 'read'], ['x', '--scope', 'all'], ['x']])
      t.equal((await desk.run(['token', 'add', ...words])).code, 2, words.join(' '))
    t.match(await desk.run(['token', 'revoke', 'nothing']), {
      code: 1,
      stderr: /There is no token called nothing/,
    })
    t.match(await desk.must(['token', 'revoke', 'helpdesk']), /was revoked, in every running gateway/)
    t.match(await desk.json(['token', 'list']), [{ name: 'robot' }])
  })
})
