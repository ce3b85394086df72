import { connect } from 'node:net'
import t from 'tap'
import { msaScope } from '../../src/gateway/names.ts'
import { aLab, contoso, operatorSets } from '../self-service/lab.ts'
import { rawRequest } from '../support/raw-request.ts'
import { aToken, callerWith } from './caller.ts'

const anna = 'anna@example.com'

const portOf = (url: string) => Number(new URL(url).port)

t.test('only a valid token is let in, and every refusal says what to do next', async t => {
  const lab = await aLab(t, { settings: { admin: { api: true } } })
  await operatorSets(lab, msaScope, anna, 'x1-plenty-of-words')
  const token = await aToken(lab, 'write', 'robot')
  const call = callerWith(lab.url, token)
  const unknown = callerWith(lab.url, undefined)

  await t.test(
    'no token, another scheme, a wrong token, one that has ended: 401 with a challenge',
    async t => {
      const ended = await aToken(lab, 'read', 'ended', Date.now() - 1)
      const wrong = `${token.slice(0, -7)}${token.at(-7) === 'x' ? 'y' : 'x'}${token.slice(-6)}`
      const headers: readonly (readonly [string | undefined, RegExp])[] = [
        [undefined, /^Bearer$/],
        ['Basic YTpi', /^Bearer$/],
        [token, /^Bearer$/],
        ['Bearer', /^Bearer$/],
        [`Bearer ${wrong}`, /invalid_token/],
        [`Bearer ${ended}`, /invalid_token/],
        [`Bearer ${token.replace('aga_', 'agp_')}`, /invalid_token/],
        [`Bearer ${token.slice(0, 4)}${token.slice(14)}`, /invalid_token/],
        [`Bearer ${token}\u00e9`, /^Bearer$/],
      ]
      for (const [authorization, challenge] of headers) {
        const answer = await unknown('GET /accounts', {
          headers: authorization === undefined ? {} : { authorization },
        })
        t.equal(answer.status, 401, `${authorization}`)
        t.match(answer.headers.get('www-authenticate'), challenge)
        t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
        t.match(answer.json, {
          title: 'Unauthorized',
          detail: /Operators add tokens on the machine of the gateway/,
          reference: /^[0-9a-f]{24}$/,
        })
      }
      t.equal((await unknown('GET /no-such-address')).status, 401, 'nothing is told of addresses')
      t.equal((await unknown('GET /openapi.json')).status, 401)
    },
  )

  await t.test('a token in the URL, a form or a cookie is none', async t => {
    t.equal((await unknown(`GET /accounts?access_token=${token}`)).status, 401)
    t.equal(
      (await unknown('GET /accounts', { headers: { cookie: `altgate=${token}; token=${token}` } })).status,
      401,
    )
    t.equal((await call(`GET /accounts?access_token=${token}`)).status, 400, 'also beside one in the header')
  })

  await t.test('two Authorization headers are refused, whichever is right', async t => {
    for (const other of ['Bearer aga_x', 'Basic YTpi']) {
      const answer = await rawRequest(
        portOf(lab.url),
        `GET /_altgate/api/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nAuthorization: ${other}\r\nConnection: close\r\n\r\n`,
      )
      t.match(answer, /^HTTP\/1\.1 400 /)
    }
  })

  await t.test('a password of a user is no token, and a token is no password', async t => {
    const made = lab.services.generated.make()
    t.equal((await callerWith(lab.url, made.password.reveal())('GET /accounts')).status, 401)
    t.equal(await lab.opens('fabrikam', anna, token), 401)
  })

  await t.test('a token that may read changes nothing', async t => {
    const read = callerWith(lab.url, await aToken(lab, 'read'))
    const tries = [
      'POST /accounts',
      'POST /credentials',
      'DELETE /accounts/fabrikam',
      `POST /credentials/msa/${anna}/disable`,
      `POST /people/${anna}/block`,
      'POST /sessions/revoke',
      'POST /sign-ins/end',
    ]
    for (const what of tries) {
      const answer = await read(what, what.startsWith('DELETE') ? {} : { body: {} })
      t.equal(answer.status, 403, what)
      t.match(answer.headers.get('www-authenticate'), /insufficient_scope/)
      t.match(answer.json, { code: 'insufficient-scope', detail: /may only read/ })
    }
    t.equal((await read(`GET /people/${anna}`)).status, 200)
  })

  await t.test('a token cannot say where the client secret is sent: the issuer of a directory', async t => {
    const issuer = 'https://evil.example'
    const id = '72f988bf-86f1-41af-91ab-2d7cd011db47'
    const before = await lab.services.registry.directories()
    t.equal((await call('POST /directories', { body: { id, name: 'New', issuer } })).status, 400)
    t.equal((await call(`POST /directories/${contoso}`, { body: { issuer } })).status, 400)
    t.equal((await call(`POST /directories/${contoso}`, { body: { name: 'X', issuer } })).status, 400)
    t.strictSame(await lab.services.registry.directories(), before)
  })

  await t.test('a method in a header or a field is not the method', async t => {
    const read = callerWith(lab.url, await aToken(lab, 'read', 'overriding'))
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override'])
      t.equal((await read('GET /accounts/fabrikam', { headers: { [name]: 'DELETE' } })).status, 200)
    t.equal((await read('GET /accounts?_method=DELETE')).status, 400)
    t.equal((await call('GET /accounts/fabrikam')).status, 200, 'it is still there')
    for (const method of ['PUT', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND'])
      t.equal((await call(`${method} /accounts/fabrikam`)).status, 404, method)
  })

  await t.test('a revoked token is refused by every gateway at once', async t => {
    const other = await lab.another()
    const text = await aToken(lab, 'write', 'short-lived')
    const [here, there] = [callerWith(lab.url, text), callerWith(other, text)]
    t.strictSame([(await here('GET /')).status, (await there('GET /')).status], [200, 200])
    await lab.services.registry.revokeToken('cli:root', 'short-lived')
    t.strictSame([(await here('GET /')).status, (await there('GET /')).status], [401, 401])
    t.match((await lab.changes()).at(-1), { action: 'token-revoked', usernames: ['short-lived'] })
  })

  await t.test('bodies: too large, of another type, not JSON, not UTF-8, with unknown members', async t => {
    const large = { name: 'x', upstream: 'y'.repeat(70_000) }
    t.match(await call('POST /accounts', { body: large }), { status: 413, json: { code: 'too-large' } })
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json\t; charset=utf-16',
      'application/json, text/plain',
      'application/jsonx',
    ])
      t.equal(
        (await call('POST /accounts', { body: '{}', headers: { 'content-type': type } })).status,
        415,
        type,
      )
    for (const body of [
      '{',
      '[]',
      '"x"',
      'null',
      '1',
      '{"name":"x","upstream":"https://y.example","isAdmin":true}',
      '{"__proto__":{"name":"x"}}',
      '{"name":["x"],"upstream":"https://y.example"}',
      '{"name":1,"upstream":"https://y.example"}',
    ])
      t.match(await call('POST /accounts', { body }), { status: 400, headers: {} }, body)
    t.match(await call('DELETE /accounts/fabrikam', { body: {} }), { status: 400, json: { code: 'body' } })
    t.notMatch((await call('GET /accounts')).text, /"name":"x"/)
    const answer = await rawRequest(
      portOf(lab.url),
      `POST /_altgate/api/v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n"\xff"`,
    )
    t.match(answer, /^HTTP\/1\.1 400 /)
  })

  await t.test('a huge body without a token is not waited for', async t => {
    const socket = connect(portOf(lab.url), '127.0.0.1')
    socket.on('error', () => {}) // the gateway hangs up
    socket.write(
      'POST /_altgate/api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{',
    )
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) text += String(chunk)
    t.match(text, /^HTTP\/1\.1 401 [\s\S]*\r\nconnection: close/i)
  })

  await t.test(
    'paths: names with slashes and letters of any alphabet, and spellings that are no path',
    async t => {
      const name = 'Ünïcode/…/名@example.com'
      const path = encodeURIComponent(name)
      const made = await call('POST /credentials', { body: { scope: 'msa', user: name } })
      t.match(made.json, { result: 'added', username: name.toLowerCase() })
      t.match((await call(`GET /credentials/msa/${path}`)).json, { username: name.toLowerCase() })
      t.equal((await call(`DELETE /credentials/msa/${path}`)).status, 200)
      const long = `${'名'.repeat(300)}@example.com`
      t.equal((await call(`GET /credentials/msa/${encodeURIComponent(long)}`)).status, 404)
      t.match((await call(`GET /credentials/msa/${encodeURIComponent(long)}`)).json, {
        code: 'no-such-credential',
      })
      const odd: readonly (readonly [string, number])[] = [
        ['/_altgate/api/v1//accounts', 404],
        ['/_altgate/api/v1/accounts/', 400],
        ['/_altgate/api/v1/accounts.', 404],
        ['/_altgate/api/v1/accounts%2ffabrikam', 404],
        ['/_altgate/api/v1/accounts/fabrikam%2f..%2fcontoso', 400],
        ['/_altgate/api/v1/accounts/..%2fcontoso', 400],
        ['/_altgate/api/v1/accounts/fabrikam%00', 400],
        ['/_altgate/api/v1/accounts/fabrikam.', 400],
        ['/_altgate/api/v1/ACCOUNTS', 404],
        ['/_altgate/api/v1/accounts;x=1', 404],
        // A proxy in front may keep addresses from `/_altgate/api/`, and compares without decoding.
        ['/_altgate/%61pi/v1/accounts', 400],
        ['/_altgate/ap%69/v1/accounts', 400],
        ['/_altgate/%61dmin', 400],
        ['/_altgate/#x', 400],
        ['/_altgate/api/v1/accounts/fabrika%6d', 200],
      ]
      for (const [target, status] of odd) {
        const head = `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`
        t.equal(Number((await rawRequest(portOf(lab.url), head)).slice(9, 12)), status, target)
      }
      for (const target of [
        '//_altgate/api/v1/accounts',
        '/%5faltgate/api/v1/accounts',
        '/_altgate%2fapi/v1/accounts',
        '/_ALTGATE/api/v1/accounts',
        '/fabrikam/../_altgate/api/v1/accounts',
        '/_altgate./api/v1/accounts',
      ]) {
        const head = `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`
        const answer = await rawRequest(portOf(lab.url), head)
        t.notMatch(answer, /^HTTP\/1\.1 200|upstream/, target)
      }
    },
  )

  await t.test('a browser gets no permission for another site', async t => {
    const answer = await call('GET /accounts', { headers: { origin: 'https://evil.example' } })
    t.equal(answer.headers.get('access-control-allow-origin'), null)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  })

  await t.test('a password in the body is taken over https only', async t => {
    const body = { scope: 'msa', user: anna, password: 'x1-other-words-entirely' }
    t.match(await call('POST /credentials', { body }), { status: 403, json: { code: 'plain-http' } })
    t.equal(await lab.opens('fabrikam', anna, 'x1-plenty-of-words'), 200, 'nothing was changed')
  })

  await t.test('an outage is a 503, never a 401', async t => {
    await lab.without('api_tokens', async () => {
      t.match(await call('GET /accounts'), { status: 503, json: { code: 'unavailable' } })
    })
    await lab.without('accounts', async () => {
      const answer = await call('POST /accounts', { body: { name: 'late', upstream: 'https://x.example' } })
      t.match(answer, { status: 503, json: { detail: /Nothing was changed/ } })
      t.equal(answer.headers.get('retry-after'), '5')
    })
  })
  t.strictSame(lab.bugs, [])
})

t.test('behind a proxy that ends TLS', async t => {
  const lab = await aLab(t, {
    publicUrl: 'https://git.example.com',
    settings: { admin: { api: true }, trustedProxies: ['127.0.0.1'], plainHttp: 'refuse' },
    trustedProxies: ['127.0.0.1'],
  })
  const call = callerWith(lab.url, await aToken(lab, 'write', 'robot'))
  t.match(await call('GET /accounts'), { status: 403, json: { detail: /revoke it/ } })
  const headers = { 'x-forwarded-proto': 'https' }
  const wanted = { scope: 'msa', user: anna, password: 'x1-plenty-of-words' }
  const set = await call('POST /credentials', { body: wanted, headers })
  t.match(set, { status: 200, json: { result: 'added' } })
  t.notOk('password' in set.json, 'a password that was given is not repeated')
  const weak = await call('POST /credentials', { body: { ...wanted, password: anna }, headers })
  t.match(weak, { status: 422, json: { code: 'not-possible', detail: /Nothing was changed\.$/ } })
})

t.test('clients that guess, and clients that ask too often, have to wait', async t => {
  const lab = await aLab(t, { settings: { admin: { api: true } } })
  const token = await aToken(lab, 'read')
  const call = callerWith(lab.url, token)
  t.equal((await call('GET /')).status, 200)
  const wrong = callerWith(lab.url, 'aga_wrong')
  const statuses = new Set<number>()
  for (let tries = 0; tries < 61; tries++) statuses.add((await wrong('GET /')).status)
  t.strictSame([...statuses], [401, 429])
  const answer = await call('GET /')
  t.equal(answer.status, 429)
  t.match(answer.json, { code: 'too-many-requests', detail: /Wait \d+ seconds/ })
  t.ok(Number(answer.headers.get('retry-after')) > 0)
})

t.test('without admin.api there is nothing', async t => {
  const lab = await aLab(t, {
    settings: { admin: { people: [{ directory: contoso, oid: 'x' }] } },
  })
  const call = callerWith(lab.url, await aToken(lab, 'write'))
  const answer = await call('GET /accounts')
  t.equal(answer.status, 404)
  t.notMatch(answer.headers.get('content-type'), /json/)
})
