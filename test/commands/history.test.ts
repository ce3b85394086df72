import t from 'tap'
import { startPostgres } from '../support/postgres.ts'
import { aDesk } from './desk.ts'

for (const database of ['SQLite', 'PostgreSQL'])
  t.test(`history has every change, by account, user and time (${database})`, async t => {
    const url = database === 'SQLite' ? {} : { ALTGATE__STORE__URL: (await startPostgres(t)).url }
    const desk = aDesk(t, url)
    if (database === 'PostgreSQL') await desk.must(['store', 'init'])
    t.equal(await desk.must(['history']), 'No changes were found. Changes are kept for 7 days.\n')
    for (const name of ['fabrikam', 'northwind'])
      await desk.must(['account', 'add', name, '--upstream', 'http://upstream.example'])
    const set = (user: string) => ['credential', 'set', '--scope', 'msa', '--user', user]
    await desk.must([...set('anna@example.com'), '--secondary', 'anna'], 'canary-anna')
    await desk.must(set('an_a@example.com'), 'canary-other')

    const table = await desk.must(['history'])
    t.match(table, /^AT +BY +CHANGE +ACCOUNT +SCOPE +NAMES\n/)
    t.match(table, /UTC +cli:\S+ +account-added +fabrikam +msa +-\n/)
    t.match(table, /UTC +cli:\S+ +credential-set +- +msa +anna@example.com, anna\n/)
    t.notMatch(table, 'canary')

    const all = (await desk.json(['history'])) as readonly {
      readonly action: string
      readonly revision: number
    }[]
    t.same(
      all.map(({ action }) => action),
      ['account-added', 'account-added', 'credential-set', 'credential-set'],
    )
    t.same(
      all.map(({ revision }) => revision),
      [1, 2, 3, 4],
    )
    t.match(await desk.json(['history', '--account', 'northwind']), [{ account: 'northwind' }])
    t.match(await desk.json(['history', '--user', 'ANNA']), [{ users: ['anna@example.com', 'anna'] }])
    t.match(await desk.json(['history', '--user', 'an_a@example.com']), [{ users: ['an_a@example.com'] }])
    t.same(await desk.json(['history', '--user', 'anna@example']), [], 'a part of a name is another name')
    t.equal(((await desk.json(['history', '--since', '5m'])) as object[]).length, 4)
    t.same(await desk.json(['history', '--since', '2999-01-01']), [])
    t.match(await desk.run(['history', '--since', 'yesterday']), { code: 2, stderr: 'A time is 2h, 3d,' })
  })
