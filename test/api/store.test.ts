import t from 'tap'
import { type AccountName, foldUsername, msaScope } from '../../src/gateway/names.ts'
import { noPassword } from '../../src/gateway/ports.ts'
import { aLab, contoso, northwind, operatorSets } from '../self-service/lab.ts'
import { until } from '../support/until.ts'
import { aToken, callerWith, checkedBy } from './caller.ts'

const anna = 'anna@example.com'
const boris = '=boris@example.com'
/** Of the password `password`. */
const sha1 = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='
const day = 24 * 60 * 60 * 1000
const secure = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.9' }
const asLines = { ...secure, 'content-type': 'application/x-ndjson' }

const lab = await aLab(t, {
  settings: { admin: { api: true }, operations: { port: 0 }, trustedProxies: ['127.0.0.1'] },
  trustedProxies: ['127.0.0.1'],
})
const token = await aToken(lab, 'write', 'robot')
const write = callerWith(lab.url, token)
const read = callerWith(lab.url, await aToken(lab, 'read'))
const checked = checkedBy(t, (await read('GET /openapi.json')).json, write)
const importing = async (query: string, body: unknown, headers: Readonly<Record<string, string>> = secure) =>
  await checked(`POST /credentials/import?scope=msa${query}`, { body, headers })

t.test('an import: lines or JSON, all or none, and what became of each line', async t => {
  const lines = [
    JSON.stringify({ user: anna, hash: sha1 }),
    '# a comment',
    JSON.stringify({ kind: 'account', name: 'fabrikam' }),
    JSON.stringify({ user: 'no address', hash: sha1 }),
    JSON.stringify({ user: 'carla@example.com', hash: 'plain-text' }),
    '{"user":',
  ].join('\n')
  const refused = await importing('', lines, asLines)
  t.match(refused, {
    status: 422,
    json: { code: 'import-refused', detail: /3 lines of the body cannot be used/ },
  })
  t.strictSame(
    (refused.json['refused'] as { line: number }[]).map(({ line }) => line),
    [4, 5, 6],
  )
  t.notMatch(refused.text, 'plain-text')
  t.match(await read(`GET /credentials/msa/${anna}`), { status: 404 }, 'nothing was imported')

  const rehearsed = await importing('&skipRefused=true&dryRun=true', lines, asLines)
  t.match(rehearsed.json, { dryRun: true, imported: 0, added: 1, elsewhere: 1 })
  t.match(await read(`GET /credentials/msa/${anna}`), { status: 404 }, 'a dry run changes nothing')

  const made = await importing('&skipRefused=true', lines, asLines)
  t.match(made.json, {
    imported: 1,
    algorithms: { sha1: 1 },
    lines: [
      { line: 1, result: 'added', user: anna },
      { line: 4, result: 'refused', reason: /a space/ },
      { line: 5, result: 'refused', reason: 'the password is not hashed' },
      { line: 6, result: 'refused', reason: 'is not a JSON object' },
    ],
    notes: [/Weakly hashed/],
  })
  t.equal(await lab.opens('fabrikam', anna, 'password'), 200)
  const [change] = (await read('GET /changes?limit=1')).json['items'] as object[]
  t.match(change, { actor: 'api:robot', action: 'credentials-imported', users: [anna] })

  const body = {
    credentials: [
      { user: 'Anna', hash: sha1.replace('W6', 'X6') },
      { user: 'dora', enabled: false },
    ],
  }
  const exists = await importing('&domain=example.com', body)
  t.match(exists, {
    status: 422,
    json: { code: 'import-refused', existing: [anna], detail: /add keepExisting=true; .* add replace=true/ },
  })
  const kept = await importing('&domain=example.com&keepExisting=true', body)
  t.match(kept.json, { imported: 1, kept: 1, lines: [{ result: 'kept' }, { user: 'dora@example.com' }] })
  t.match((await read('GET /credentials/msa/dora')).json, { enabled: false, algorithm: 'generated' })
  t.equal(await lab.opens('fabrikam', anna, 'password'), 200)
  const replaced = await importing('&domain=example.com&replace=true', body)
  t.match(replaced.json, { imported: 1, replaced: 1, lines: [{ result: 'replaced' }, { result: 'kept' }] })
  t.equal(await lab.opens('fabrikam', anna, 'password'), 401)
})

t.test('an import that cannot be taken is refused before anything is changed', async t => {
  const one = { credentials: [{ user: 'eve@example.com', hash: sha1 }] }
  t.match(await importing('', one, {}), { status: 403, json: { code: 'plain-http' } })
  t.match(await importing('&keepExisting=true&replace=true', one), { status: 400 })
  t.match(await importing('&repalce=true', one), {
    status: 400,
    json: {
      detail: /^The query cannot be used: it has a field that is not known here\. Nothing was changed/,
    },
  })
  t.match(await importing('', { credentials: [] }), { status: 400 })
  t.match(await importing('', '\n', asLines), { status: 422, json: { detail: /no credential in the body/ } })
  const many = '{"user":"x"}\n'.repeat(10_000)
  t.match(await importing('', many, asLines), { status: 422 }, 'as many as are allowed')
  t.match(await importing('', `${many}{"user":"x"}`, asLines), { status: 413, json: { detail: /in parts/ } })
  const large = ' '.repeat(4 * 1024 * 1024 + 1)
  t.match(await importing('', large, asLines), { status: 413, json: { detail: /4096 KiB/ } })
  const elsewhere = { body: '{"name":"x"}', headers: { 'content-type': 'application/x-ndjson' } }
  t.match(await checked('POST /accounts', elsewhere), { status: 415 })
  const unknown = await checked('POST /credentials/import?scope=0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11', {
    body: one,
    headers: secure,
  })
  t.match(unknown, { status: 404, json: { code: 'no-such-directory' } })
  const mayRead = await read('POST /credentials/import?scope=msa', { body: one, headers: secure })
  t.match(mayRead, { status: 403, json: { code: 'insufficient-scope' } })
  t.match(await read('GET /credentials/msa/eve@example.com'), { status: 404 })
})

t.test('an export has everything but secrets, and can be imported again', async t => {
  await operatorSets(lab, contoso, 'frida@example.com', 'x1-plenty-of-words')
  await lab.services.registry.addMembers('test', 'contoso' as AccountName, contoso, [
    foldUsername('frida@example.com'),
  ])
  const whole = await read('GET /export')
  t.equal(whole.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
  const lines = whole.text
    .trimEnd()
    .split('\n')
    .map(each => JSON.parse(each) as Record<string, unknown>)
  t.strictSame([...new Set(lines.map(({ kind }) => kind))], ['directory', 'account', 'member', 'credential'])
  t.notMatch(whole.text, /hash|\$argon2|\{SHA\}|mac"/)
  const only = await read(`GET /export?scope=${contoso}`)
  t.strictSame(
    only.text
      .trimEnd()
      .split('\n')
      .map(each => JSON.parse(each) as Record<string, unknown>),
    lines.filter(({ kind, scope }) => kind === 'credential' && scope === contoso),
  )
  const again = await importing('&dryRun=true&keepExisting=true', whole.text, asLines)
  t.match(again.json, {
    added: 0,
    kept: lines.filter(({ kind, scope }) => kind === 'credential' && scope === 'msa').length,
  })
  t.match(await read('GET /export?scope=0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11'), { status: 404 })
  await lab.without('directories', async () => {
    t.match(await read('GET /export'), { status: 503, json: { code: 'unavailable' } })
  })
})

t.test('an export that the store does not finish is cut off, and the outage is told', async t => {
  const many = Array.from({ length: 30_000 }, (_, at) => ({
    username: foldUsername(`user-${at}@example.com`),
    hash: noPassword,
  }))
  const { registry } = lab.services
  await registry.importCredentials('test', northwind, many, () => {})
  const answer = await fetch(`${lab.url}/_altgate/api/v1/export?scope=${northwind}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(answer.status, 200)
  const reader = answer.body?.getReader()
  await reader?.read()
  const before = lab.outages.length
  await lab.without('credentials', async () => {
    const rest = async () => {
      while ((await reader?.read())?.done === false);
    }
    await t.rejects(rest(), 'no client takes it for the whole')
  })
  t.equal(lab.outages.length, before + 1)
  t.strictSame(lab.bugs, [])
  for (let each = 0; each < 4; each++) {
    const stop = new AbortController()
    const headers = { authorization: `Bearer ${token}` }
    const cut = await fetch(`${lab.url}/_altgate/api/v1/export`, { headers, signal: stop.signal })
    t.not(cut.status, 429, 'a client that leaves gives its place back')
    stop.abort()
    await until(async () => (await read(`GET /export?scope=${contoso}`)).status === 200)
  }
})

t.test('the inventory in pages, or as CSV; and what a move would have refused', async t => {
  const now = Date.now()
  await operatorSets(lab, msaScope, boris, 'x1-plenty-of-words')
  const used = async (user: string, tool: string, requests: number) => {
    const { current } = await lab.services.credentials.find(msaScope, undefined, foldUsername(user))
    if (current === undefined) throw new Error('the test has not made that credential')
    const use = { account: 'fabrikam' as AccountName, subject: current.subject, tool, requests }
    const rest = { network: '192.0.2.7', path: 'git:welcome', firstAt: now - day, lastAt: now }
    await lab.services.toolUses.record([{ ...use, ...rest }], 400 * day)
  }
  for (const tool of ['git/2.47.1', 'git/2.30.0', '=cmd/1']) await used(anna, tool, 3)
  await used(boris, 'git/2.47.1', 70)

  const found: unknown[] = []
  let after = ''
  do {
    const { json } = await checked(`GET /inventory?account=fabrikam&limit=3${after}`)
    const { items, next } = json as { items: { user: string; tool: string }[]; next?: string }
    found.push(...items.map(({ user, tool }) => `${user} ${tool}`))
    after = next === undefined ? '' : `&after=${next}`
  } while (after !== '')
  t.strictSame(found.map(String).toSorted(), [
    `${boris} git/2.47.1`,
    `${anna} =cmd/1`,
    `${anna} git/2.30.0`,
    `${anna} git/2.47.1`,
  ])
  t.match((await checked('GET /inventory?account=contoso')).json, { items: [] })
  for (const wrong of ['x', 'WzFd', Buffer.from('["a","b","c","d","e"]').toString('base64url')])
    t.match(await checked(`GET /inventory?after=${wrong}`), { status: 400, json: { detail: /^after: / } })

  const csv = await read('GET /inventory', { headers: { accept: 'text/csv' } })
  t.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
  const rows = csv.text.trimEnd().split('\r\n')
  t.equal(rows.length, 5)
  t.match(rows[0], /^account,user,scope,tool,from,path,password,/)
  t.ok(
    rows.some(row => row.startsWith(`fabrikam,'${boris},msa,git/2.47.1,`)),
    'nothing is read as a formula',
  )
  for (const accept of ['application/json, text/csv;q=0.5', 'text/csv;q=0', '*/*', 'text/html'])
    t.match((await read('GET /inventory', { headers: { accept } })).json, { items: [{}] }, accept)

  const rehearsal = await checked(`GET /accounts/fabrikam/move/rehearsal?to=${contoso}&limit=1`)
  t.match(rehearsal.json, {
    account: 'fabrikam',
    to: { kind: 'entra' },
    requests: 79,
    users: 2,
    uses: [{ user: boris, requests: 70, outcome: 'reset-needed', toDo: /set a password/ }],
  })
  t.match(await checked('GET /accounts/fabrikam/move/rehearsal'), { status: 422 }, 'no move is planned')
})

t.test('the status, with names, and why the gateway itself is not known', async t => {
  const { json } = await checked('GET /status')
  t.match(json, {
    gateway: { unknown: /operations\.port is 0/ },
    gateways: [],
    moves: [],
    refusals: [],
    certificates: [],
  })
})

t.test('two that take memory or long run at a time, and a place is free when one has ended', async t => {
  const slow = new AbortController()
  // An import whose body never ends. It may find the places taken by a request below.
  const hold = async (): Promise<void> => {
    while (!slow.signal.aborted) {
      const body = new ReadableStream({ start: each => each.enqueue(new TextEncoder().encode('{')) })
      const headers = { ...asLines, authorization: `Bearer ${token}` }
      const sent = { method: 'POST', headers, body, duplex: 'half', signal: slow.signal } as RequestInit
      await fetch(`${lab.url}/_altgate/api/v1/credentials/import?scope=msa`, sent).catch(() => {})
    }
  }
  const holding = [hold(), hold()]
  await until(async () => (await read(`GET /export?scope=${contoso}`)).status === 429)
  const answer = await read('GET /export')
  t.match(answer.json, { code: 'too-many-at-once', detail: /only 2 run at a time in each process/ })
  t.equal(answer.headers.get('retry-after'), '5')
  t.equal((await read('GET /inventory')).status, 200, 'a page is no burden')
  slow.abort()
  await Promise.all(holding)
  await until(async () => (await read('GET /export')).status === 200)
  t.strictSame(lab.bugs, [])
})
