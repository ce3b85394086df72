import t from 'tap'
import { aDesk, contosoId, fabrikamId } from './desk.ts'

t.test('an account moves to a directory and back, and its history is kept', async t => {
  const desk = aDesk(t, { ALTGATE__PUBLICURL: 'https://git.example.com' })
  t.match(await desk.must(['account', 'list']), 'There are no accounts yet. Add one: altgate account add')
  t.match(
    await desk.must(['directory', 'list']),
    'There are no directories yet. Add one: altgate directory add',
  )
  t.equal(
    await desk.must(['account', 'add', 'Fabrikam', '--upstream', 'https://tfs.example']),
    'fabrikam was added and signs in with Microsoft accounts. https://git.example.com/fabrikam/ goes to https://tfs.example/fabrikam/\n',
  )
  t.equal(
    await desk.must([
      'directory',
      'add',
      fabrikamId.toUpperCase(),
      '--name',
      'Fabrikam',
      '--issuer',
      'https://login.example/v2.0',
    ]),
    `Directory "Fabrikam" (${fabrikamId}) was added. Next: altgate account connect NAME --directory ${fabrikamId}\n`,
  )
  t.equal(
    await desk.must(['account', 'connect', 'fabrikam', '--directory', fabrikamId]),
    `fabrikam now signs in with Microsoft Entra ID, directory "Fabrikam" (${fabrikamId}). Its users must set new alternate credentials, unless they already have some there: https://git.example.com/_altgate/\n`,
  )
  t.match(
    await desk.must(['account', 'disconnect', 'fabrikam']),
    /^fabrikam now signs in with Microsoft accounts\. /,
  )

  const entra = { kind: 'entra', directoryId: fabrikamId, directoryName: 'Fabrikam' }
  const since = /^\d{4}-\d\d-\d\dT/
  t.match(await desk.json(['account', 'show', 'fabrikam']), {
    name: 'fabrikam',
    address: 'https://git.example.com/fabrikam/',
    upstream: 'https://tfs.example',
    destination: 'https://tfs.example/fabrikam/',
    scope: 'msa',
    connection: { kind: 'msa' },
    history: [
      { connection: { kind: 'msa' }, since },
      { connection: entra, since },
      { connection: { kind: 'msa' }, since },
    ],
  })
  const shown = await desk.must(['account', 'show', 'fabrikam'])
  t.match(shown, /^fabrikam\n {2}signs in with {2}Microsoft accounts\n/)
  t.match(shown, 'requests       https://git.example.com/fabrikam/... go to https://tfs.example/fabrikam/...')
  t.match(shown, /\d UTC {2}Microsoft Entra ID, directory "Fabrikam" \(72f988bf-[-0-9a-f]+\) {2}cli:/)
  t.same(await desk.json(['directory', 'list']), [
    { id: fabrikamId, name: 'Fabrikam', issuer: 'https://login.example/v2.0' },
  ])
  t.match(
    await desk.must(['account', 'list']),
    /^NAME +SIGNS IN WITH +UPSTREAM +UPSTREAM AUTH\nfabrikam {2}Microsoft accounts {2}https:\/\/tfs\.example {2}-\n$/,
  )
})

t.test('what cannot be done is told in one sentence, and nothing is changed', async t => {
  const desk = aDesk(t)
  await desk.must(['directory', 'add', fabrikamId, '--name', 'Fabrikam'])
  await desk.must([
    'account',
    'add',
    'fabrikam',
    '--upstream',
    'https://tfs.example',
    '--directory',
    fabrikamId,
  ])
  const before = await desk.everything()
  const noDirectory = `There is no directory ${contosoId}. Add it first: altgate directory add ${contosoId} --name TEXT`
  const refused = [
    [
      ['directory', 'add', fabrikamId, '--name', 'Other'],
      `The directory ${fabrikamId} already exists. List all directories: altgate directory list`,
    ],
    [
      ['account', 'add', 'fabrikam', '--upstream', 'http://a'],
      'The account fabrikam already exists. Show it: altgate account show fabrikam',
    ],
    [['account', 'add', 'contoso', '--upstream', 'http://a', '--directory', contosoId], noDirectory],
    [['account', 'connect', 'fabrikam', '--directory', contosoId], noDirectory],
    [
      ['account', 'connect', 'fabrikam', '--directory', fabrikamId],
      'fabrikam already signs in with Microsoft Entra ID, directory "Fabrikam". Nothing was changed. Show it: altgate account show fabrikam',
    ],
    [
      ['account', 'connect', 'contoso', '--directory', fabrikamId],
      'There is no account contoso. List all accounts: altgate account list',
    ],
    [
      ['account', 'disconnect', 'contoso'],
      'There is no account contoso. List all accounts: altgate account list',
    ],
    [['account', 'show', 'contoso'], 'There is no account contoso. List all accounts: altgate account list'],
  ] as const
  for (const [words, sentence] of refused) {
    t.same(await desk.run(words), { code: 1, stdout: '', stderr: `altgate: ${sentence}\n` }, words.join(' '))
  }
  t.same(await desk.everything(), before)
})

t.test('a path of the upstream, even a lone slash, takes the place of the account', async t => {
  const destinations = [
    ['https://up.example', 'https://up.example/a/'],
    ['https://up.example/', 'https://up.example/'],
    ['https://up.example/base', 'https://up.example/base/'],
    ['https://up.example/base/', 'https://up.example/base/'],
    ['HTTPS://UP.example:8443', 'https://up.example:8443/a/'],
  ] as const
  for (const [upstream, destination] of destinations) {
    const desk = aDesk(t)
    await desk.must(['account', 'add', 'a', '--upstream', upstream])
    t.match(await desk.json(['account', 'show', 'a']), { destination }, upstream)
  }
})

t.test('where hosts name accounts, the address says so', async t => {
  const naming = { ALTGATE__ACCOUNTS__NAMING__BY: 'host', ALTGATE__ACCOUNTS__NAMING__SUFFIX: '.example.com' }
  const desk = aDesk(t, { ...naming, ALTGATE__PUBLICURL: 'https://git.example.com:8443' })
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  t.match(await desk.json(['account', 'show', 'fabrikam']), {
    address: 'https://fabrikam.example.com:8443/',
    destination: 'https://tfs.example/',
  })
})

t.test('a store that cannot be used is told in one sentence', async t => {
  const desk = aDesk(t, { ALTGATE__STORE__URL: 'postgres://root:canary@127.0.0.1:1/altgate' })
  t.same(await desk.run(['account', 'list']), {
    code: 1,
    stdout: '',
    stderr: 'altgate: The store is unavailable: nothing listens there (connection refused).\n',
  })
})

t.test('a change that running gateways could not be told of is not made', async t => {
  const desk = aDesk(t)
  const store = `${desk.env['ALTGATE__STORE__URL']}`
  const withoutRedis = aDesk(t, { ALTGATE__STORE__URL: store, ALTGATE__REDIS__URL: 'redis://127.0.0.1:1' })
  const { code, stdout, stderr } = await withoutRedis.run(['account', 'add', 'a', '--upstream', 'http://a'])
  t.same({ code, stdout }, { code: 1, stdout: '' })
  t.match(
    stderr,
    /^altgate: Redis is unavailable, and running gateways could not be notified: .*\. Nothing was changed\.\n$/,
  )
  t.same(await desk.json(['account', 'list']), [])
})
