import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { callerWith } from '../api/caller.ts'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { filesIn } from '../support/traces.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'

t.test(
  'the API of the real program: on by a reload, in every worker, in the audit log, without a trace',
  async t => {
    const upstream = await recordingUpstream(t)
    const altgate = await startAltgate(t, { settings: { workers: 2 } })
    await altgate.arrange({
      accounts: { contoso: upstream.url },
      passwords: { [anna]: 'the password of anna' },
    })
    const added = await altgate.must(['token', 'add', 'robot', '--scope', 'write', '--json'])
    const { token } = JSON.parse(added) as { token: string }
    const call = callerWith(altgate.url, token)
    t.equal((await call('GET /accounts')).status, 404, 'it is off by default')

    const settings = { ...parse(readFileSync(altgate.config, 'utf8')), admin: { api: true } }
    writeFileSync(altgate.config, stringify(settings))
    t.match(await altgate.must(['reload']), /admin\.api/)
    t.match((await call('GET /accounts')).json, { items: [{ name: 'contoso' }] })

    const status = (await call('GET /status')).json
    t.match(status, { gateway: { state: 'ready', workers: { listening: 2 } }, gateways: [{ self: true }] })

    const opens = async (password: string) =>
      (await ask(`${altgate.url}/contoso/x`, { as: [anna, password] })).outcome
    for (let each = 0; each < 8; each++) t.equal(await opens('the password of anna'), 'allow')
    const { json } = await call('POST /credentials', { body: { scope: 'msa', user: anna, existing: true } })
    const password = String(json['password'])
    for (let each = 0; each < 8; each++) {
      t.equal(await opens('the password of anna'), 'refused', 'in both workers at once')
      t.equal(await opens(password), 'allow')
    }
    await until(() => /"actor":"api:robot"/.test(altgate.logs()))

    // Each worker learns of it at its next request: no password is made with a key that has gone.
    for (const name of ['passwords', 'api-tokens']) await altgate.must(['keys', 'rotate', name])
    await altgate.must(['keys', 'retire', 'passwords', '1', '--yes'])
    for (let each = 0; each < 8; each++) {
      const body = { scope: 'msa', user: `user-${each}@example.com` }
      t.match(await call('POST /credentials', { body }), { status: 200 })
    }
    const next = await altgate.must(['token', 'add', 'next', '--scope', 'read', '--json'])
    const asNext = callerWith(altgate.url, (JSON.parse(next) as { token: string }).token)
    for (let each = 0; each < 8; each++) t.equal((await asNext('GET /accounts')).status, 200)
    t.match(await altgate.must(['keys', 'list']), /api-tokens +1 +checks only .* 1 token$/m)
    t.match(await altgate.must(['history']), /keys-changed .* api-tokens key 2 in use$/m)

    await altgate.must(['keys', 'retire', 'api-tokens', '1', '--yes'])
    for (let each = 0; each < 8; each++) {
      t.equal((await call('GET /accounts')).status, 401, 'a token ends with its key')
      t.equal((await asNext('GET /accounts')).status, 200)
    }
    t.match(await altgate.must(['token', 'revoke', 'next']), /was revoked/)
    for (let each = 0; each < 8; each++) t.equal((await asNext('GET /accounts')).status, 401)
    for (const secret of [token, password]) {
      t.notMatch(altgate.logs(), secret)
      for (const { path, bytes } of filesIn(altgate.directory))
        t.notOk(bytes.includes(secret), `${path} does not hold it`)
    }
  },
)
