import t from 'tap'
import { aLab, contoso, operatorSets } from '../self-service/lab.ts'
import { type Answered, aToken, callerWith, checkedBy } from './caller.ts'

const upstream = 'https://git.internal.example'
const anna = 'anna@example.com'

t.test('the API does what commands do', async t => {
  const upstreamAuthByName = { tfs: { method: 'strip' } }
  const lab = await aLab(t, { settings: { admin: { api: true }, upstreamAuthByName } })
  const write = callerWith(lab.url, await aToken(lab, 'write', 'robot'))
  const read = callerWith(lab.url, await aToken(lab, 'read'))
  const document = (await read('GET /openapi.json')).json
  const checked = checkedBy(t, document, write)

  await t.test('the OpenAPI document is 3.1, and lists every route with its scope', async t => {
    t.equal(document['openapi'], '3.1.0')
    type Operation = { security: unknown; summary: string; parameters?: readonly { name: string }[] }
    const paths = document['paths'] as Record<string, Record<string, Operation>>
    const operations = Object.values(paths).flatMap(each => Object.entries(each))
    t.ok(operations.length > 25)
    for (const [method, { security, summary }] of operations) {
      t.ok(summary)
      t.match(security, [
        {
          bearer: summary === 'Shows the token of the request.' ? [] : [method === 'get' ? 'read' : 'write'],
        },
      ])
    }
    t.ok('/_altgate/api/v1/accounts/{name}/move/undo' in paths)
    const parametersOf = (path: string) =>
      paths[`/_altgate/api/v1/${path}`]?.['get']?.parameters?.map(each => each.name)
    t.same(parametersOf('accounts/{name}/members'), ['name'])
    t.same(parametersOf('refusals'), ['outcome', 'account', 'user', 'since', 'limit'])
    t.match(Object.keys((document['components'] as { schemas: object }).schemas), ['Problem', 'Done'])
  })

  await t.test('accounts, and who may use them', async t => {
    const added = await checked('POST /accounts', { body: { name: 'Tailwind', upstream } })
    t.match(added.json, {
      name: 'tailwind',
      upstream,
      connection: { kind: 'msa' },
      history: [{ actor: 'api:robot' }],
    })
    const again = await checked('POST /accounts', { body: { name: 'tailwind', upstream } })
    t.match(again, {
      status: 409,
      json: {
        code: 'account-exists',
        detail: /already exists. Show it: GET \/_altgate\/api\/v1\/accounts\/\w+$/,
      },
    })
    await checked('POST /accounts/tailwind', { body: { upstreamAuth: 'tfs' } })
    t.match((await checked('GET /accounts/tailwind')).json, { upstreamAuth: 'tfs' })
    t.match(await checked('POST /accounts/tailwind', { body: { upstreamAuth: 'gone' } }), {
      status: 422,
      json: { detail: /no upstreamAuthByName\.gone\. They have: tfs\. Nothing was changed/ },
    })
    await checked('POST /accounts/tailwind', { body: { upstreamAuth: 'default' } })
    t.equal((await checked('GET /accounts/tailwind')).json['upstreamAuth'], undefined)
    const changed = await checked('POST /accounts/tailwind', { body: { rename: 'tailwind-2' } })
    t.match(changed.json, { done: /tailwind was changed, in every running gateway/ })
    t.match(await checked('GET /accounts/tailwind'), { status: 404, json: { code: 'no-such-account' } })
    await checked('POST /accounts/tailwind-2/members', { body: { add: [anna] } })
    t.match((await checked('GET /accounts/tailwind-2/members')).json, {
      membersOnly: true,
      members: [{ username: anna, waiting: true }],
    })
    const both = await checked('POST /accounts/tailwind-2/members', {
      body: { add: ['b@example.com'], remove: ['x@y'] },
    })
    t.match(both, { status: 400, json: { detail: /one of add, remove and open/ } })
    t.match((await checked('POST /accounts/tailwind-2/members', { body: { open: true } })).status, 200)
    const plan = await checked(`GET /accounts/tailwind-2/move?to=${contoso}`)
    t.match(plan.json, { account: 'tailwind-2', from: { kind: 'msa' }, to: { kind: 'entra' }, people: [] })
    t.match(await checked('POST /accounts/tailwind-2/move/plan', { body: { on: '2096-11-24' } }), {
      status: 409,
      json: { code: 'no-planned-move' },
    })
    const planned = await checked('POST /accounts/tailwind-2/move/plan', {
      body: { to: contoso, on: '2096-11-24' },
    })
    t.match(planned.json, { done: /is planned to move to .* on 2096-11-24 \(UTC\)/ })
    t.match((await checked('GET /accounts/tailwind-2')).json, { planned: { on: '2096-11-24' } })
    t.match((await checked('DELETE /accounts/tailwind-2/move/plan')).json, { done: /is cancelled/ })
    await checked('POST /accounts/tailwind-2/move', { body: { to: contoso, bridgeHours: 24 } })
    const moved = (await checked('GET /accounts/tailwind-2')).json
    t.match(moved, { scope: contoso, history: [{}, { bridgedUntil: /^20/ }] })
    t.match((await checked('POST /accounts/tailwind-2/move/undo')).json, { done: /Microsoft accounts again/ })
    t.match(await checked('POST /accounts/tailwind-2/move/undo'), {
      status: 409,
      json: { code: 'nothing-to-undo' },
    })
    t.match((await checked('DELETE /accounts/tailwind-2')).json, { done: /was removed/ })
  })

  await t.test('lists come in pages', async t => {
    const names: unknown[] = []
    let after = ''
    for (;;) {
      const { json } = await checked(`GET /accounts?limit=1${after && `&after=${after}`}`)
      names.push(...(json['items'] as { name: string }[]).map(({ name }) => name))
      if (json['next'] === undefined) break
      after = textOf(json, 'next')
    }
    t.strictSame(names, ['contoso', 'contoso-labs', 'fabrikam', 'northwind'])
    for (const user of ['one', 'two', 'three'])
      await operatorSets(lab, contoso, `${user}@example.com`, 'x1-plenty-of-words')
    const first = (await checked(`GET /credentials?scope=${contoso}&limit=2`)).json
    t.match(first, { items: [{ username: 'one@example.com' }, { username: 'three@example.com' }] })
    const second = (await checked(`GET /credentials?scope=${contoso}&limit=2&after=${textOf(first, 'next')}`))
      .json
    t.match(second, { items: [{ username: 'two@example.com' }], next: undefined })
  })

  await t.test('directories', async t => {
    const id = '0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11'
    await checked('POST /directories', { body: { id, name: 'Tailwind' } })
    await checked(`POST /directories/${id}`, { body: { issuer: null, name: 'Tailwind Traders' } })
    const { items } = (await checked('GET /directories')).json as { items: { id: string }[] }
    t.strictSame(
      items.filter(each => each.id === id),
      [{ id, name: 'Tailwind Traders' }],
    )
    t.match(await checked(`DELETE /directories/${contoso}`), {
      status: 409,
      json: { code: 'directory-in-use' },
    })
    t.equal((await checked(`DELETE /directories/${id}`)).status, 200)
  })

  await t.test(
    'a password that the gateway chose opens the account at once; a change holds when it is answered',
    async t => {
      const set = await checked('POST /credentials', {
        body: { scope: 'msa', user: anna, secondary: 'anna' },
      })
      t.match(set.json, { result: 'added', username: anna, enabled: true, password: /^agp_/ })
      const password = textOf(set.json, 'password')
      t.equal(await lab.opens('fabrikam', anna, password), 200)
      await checked(`POST /credentials/msa/${anna}/disable`)
      t.equal(await lab.opens('fabrikam', anna, password), 403)
      t.match((await checked(`GET /credentials/msa/anna`)).json, {
        enabled: false,
        disabledBy: ['operator'],
        claimed: false,
      })
      await checked(`POST /credentials/msa/anna/enable`)
      t.equal(await lab.opens('fabrikam', 'anna', password), 200)

      const more = await checked(`POST /credentials/msa/${anna}/passwords`, {
        body: { name: 'build-7', readOnly: true },
      })
      t.match(more.json, { name: 'build-7', readOnly: true, password: /^agp_/, endsAt: /^20/ })
      t.match((await checked(`GET /credentials/msa/${anna}/passwords`)).json, {
        items: [{ name: 'build-7' }, {}],
      })
      const revoked = await checked(`POST /credentials/msa/${anna}/passwords/revoke`, {
        body: { name: 'build-7' },
      })
      t.strictSame(revoked.json, { revoked: ['build-7'] })

      await checked(`POST /people/${anna}/block`)
      t.equal(await lab.opens('fabrikam', anna, password), 403)
      t.match((await checked(`GET /people/${anna}`)).json, { blocked: true, items: [{ enabled: false }] })
      await checked(`POST /people/${anna}/unblock`)
      t.match((await checked('POST /sessions/revoke', { body: { user: anna } })).json, { ended: 0 })
      t.match((await checked('POST /sign-ins/end', { body: { all: true } })).json, { ended: 0, left: 0 })
      t.match((await checked(`POST /credentials/msa/${anna}/sign-out`)).json, { done: /no active sign-in/ })
      t.match((await checked(`POST /credentials/msa/${anna}/unlink`)).status, 422)

      t.equal((await checked(`DELETE /credentials/msa/${anna}`)).status, 200)
      t.equal(await lab.opens('fabrikam', anna, password), 401)
    },
  )

  await t.test('what has happened, with the actor', async t => {
    const { items } = (await checked(`GET /changes?user=${anna}&since=1h`)).json as {
      items: { action: string }[]
    }
    t.match(items[0], { action: 'credential-removed', actor: 'api:robot', users: [anna, 'anna'] })
    t.ok(items.some(({ action }) => action === 'person-blocked'))
    t.match((await checked('GET /explain?account=fabrikam&user=boris@example.com')).json, {
      outcome: 'refused',
      stations: [{ station: 'decode' }],
      answer: { status: 401 },
    })
    const reference = 'a1'.repeat(12)
    const seen = {
      reference,
      at: Date.now(),
      outcome: 'refused',
      cause: 'absent',
      from: '192.0.2.7',
    } as const
    const rest = { account: 'fabrikam' as never, method: 'GET', kind: 'git-rpc' }
    await lab.services.refusals.record([{ ...seen, ...rest }], 60_000)
    t.match((await checked('GET /refusals?outcome=refused')).json, { items: [{ reference }] })
    t.match((await checked(`GET /refusals/${reference.toUpperCase()}`)).json, {
      happened: { cause: 'absent' },
    })
    t.match(await checked(`GET /refusals/${'0'.repeat(24)}`), { status: 404, json: { detail: /kept for/ } })
    t.match((await checked('GET /')).json, { name: 'robot', scope: 'write' })
  })

  await t.test('nothing that proves a password is ever in an answer', async t => {
    await operatorSets(lab, 'msa' as never, 'boris@example.com', 'x1-plenty-of-words')
    for (const path of [
      '/credentials?scope=msa',
      '/credentials/msa/boris@example.com',
      '/people/boris@example.com',
    ])
      t.notMatch((await read(`GET ${path}`)).text, /\$argon2|mac|hash/i)
  })
  t.strictSame(lab.bugs, [])
})

function textOf(json: Answered['json'], name: string): string {
  const value = json[name]
  return typeof value === 'string' ? value : ''
}
