import t from 'tap'
import { aDesk, contosoId, fabrikamId } from './desk.ts'

const anna = 'anna@example.com'
const boris = 'boris@example.com'

async function aDeskWithPeople(t: Parameters<typeof aDesk>[0]) {
  const desk = aDesk(t)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  await desk.must([
    'credential',
    'set',
    '--scope',
    'msa',
    '--user',
    anna,
    '--secondary',
    'anna',
    '--generate',
  ])
  return desk
}

t.test('an account that is open to all gets a list, and loses it again', async t => {
  const desk = await aDeskWithPeople(t)
  const members = ['account', 'members', 'fabrikam']
  t.equal(await desk.must(members), 'fabrikam is open to every user with a credential in scope msa.\n')
  t.match(
    await desk.must([...members, '--add', 'Anna', boris]),
    /^SCOPE {2}USER +STATE\nmsa +anna@example\.com +member\nmsa +boris@example\.com +has no credential yet\n$/,
  )
  t.same(await desk.json(members), {
    account: 'fabrikam',
    membersOnly: true,
    members: [
      { scope: 'msa', username: anna, waiting: false },
      { scope: 'msa', username: boris, waiting: true },
    ],
  })
  t.match(await desk.must(['account', 'show', 'fabrikam']), /^ {2}open to {8}members only$/m)
  t.match(await desk.json(['account', 'show', 'fabrikam']), { membersOnly: true })

  const { stderr } = await desk.run([...members, '--remove', anna, boris])
  t.equal(
    stderr,
    'fabrikam is closed to all users: it has no members in its scope, msa. To open it to the whole scope: altgate account members fabrikam --open\n',
  )
  t.match(await desk.must([...members, '--open']), /^fabrikam is open to every user/)
})

t.test('explain says that the password is right and the person no member', async t => {
  const desk = await aDeskWithPeople(t)
  await desk.must(['credential', 'set', '--scope', 'msa', '--user', boris], 'canary-boris\n')
  await desk.must(['account', 'members', 'fabrikam', '--add', anna])
  const words = ['explain', '--account', 'fabrikam', '--user', boris]
  t.match(await desk.json(words, 'canary-boris\n'), { outcome: 'not-allowed', answer: { status: 403 } })
  const walked = await desk.must(words, 'canary-boris\n')
  t.match(walked, 'the account is restricted to members')
  t.match(walked, 'the password is right, but the account is restricted to members, and this user is not one')
  t.match(walked, 'Ask an administrator of the account to add you')
  t.match(await desk.json(words, 'canary-guess\n'), { outcome: 'refused', answer: { status: 401 } })
})

t.test('the list of the scope that an account will move to can be made before', async t => {
  const desk = await aDeskWithPeople(t)
  await desk.must(['directory', 'add', fabrikamId, '--name', 'Fabrikam'])
  await desk.must(['account', 'members', 'fabrikam', '--add', anna])
  const plan = await desk.run(['move', 'plan', '--account', 'fabrikam', '--to', fabrikamId])
  t.match(plan.stderr, 'fabrikam is restricted to members and has none in scope')
  await desk.must(['account', 'members', 'fabrikam', '--scope', fabrikamId, '--add', anna])
  t.match(await desk.json(['account', 'members', 'fabrikam']), {
    members: [
      { scope: fabrikamId, username: anna, waiting: true },
      { scope: 'msa', username: anna, waiting: false },
    ],
  })
})

t.test('what cannot be done to a list is told in one sentence', async t => {
  const desk = await aDeskWithPeople(t)
  const members = ['account', 'members', 'fabrikam']
  const refused = [
    [
      ['account', 'members', 'contoso'],
      1,
      'There is no account contoso. List all accounts: altgate account list',
    ],
    [[...members, '--open'], 1, 'fabrikam has no list of members'],
    [[...members, '--remove', anna], 1, 'fabrikam has no list of members'],
    [[...members, '--add', 'nobody'], 1, 'There is no user name nobody in scope msa.'],
    [[...members, '--scope', contosoId, '--add', anna], 1, `There is no directory ${contosoId}.`],
    [
      [...members, '--scope', 'msa'],
      2,
      '--scope needs --add: it says where the new members have their credentials.',
    ],
    [[...members, '--open', '--add', anna], 2, '--open deletes the list: leave out --add and --remove.'],
  ] as const
  for (const [words, code, sentence] of refused) {
    const ran = await desk.run(words)
    t.equal(ran.code, code, words.join(' '))
    t.match(ran.stderr, sentence)
  }
  t.match(await desk.json(members), { membersOnly: false, members: [] })
  await desk.must([...members, '--add', anna])
  t.match(
    (await desk.run([...members, '--remove', boris])).stderr,
    'boris@example.com is not a member of fabrikam. Nothing was changed. List the members: altgate account members fabrikam',
  )
})
