import fc from 'fast-check'
import t from 'tap'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { aLab } from '../self-service/lab.ts'
import { deviceGrant, post } from './helper.ts'
import { anyText } from '../support/any-text.ts'

const names = [
  'grant_type',
  'client_id',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'device_code',
  'token',
  'token_type_hint',
  'scope',
  'account',
  'device_name',
  'client_secret',
  'response_type',
  'code_challenge',
  'state',
  'user_code',
  'who',
] as const

const values = fc.oneof(
  fc.constantFrom('authorization_code', 'refresh_token', deviceGrant, 'password', '__proto__', 'toString'),
  fc.constantFrom('altgate', 'git-credential-manager', 'hasOwnProperty', ''),
  fc.constantFrom('http://127.0.0.1:1/', 'javascript:alert(1)', 'data:,', 'BCDF-GHJK', 'agp_', 'e30.e30.e30'),
  anyText({ maxLength: 40 }),
  fc.string({ maxLength: 2000 }),
)

const forms = fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 8, noNullPrototype: true })

const endless = { points: 1_000_000, seconds: 1 }
const limits = {
  ...usualLimits,
  requests: endless,
  tokens: endless,
  devices: endless,
  codes: endless,
}

t.test('whatever is sent is answered, in JSON, and is no fault of ours', async t => {
  const lab = await aLab(t, { limits })
  const at = `${lab.url}/_altgate/oauth/`
  const paths = ['token', 'revoke', 'device_authorization', 'device_authorization/a%2Fb', 'token?x=1']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), forms, async (path, fields) => {
      const text = new URLSearchParams(fields).toString()
      const { status, body } = await post(at + path, text)
      return status < 500 && (status === 200 || typeof body['error'] === 'string')
    }),
    { numRuns: 250 },
  )
  t.strictSame(lab.bugs, [])
  t.strictSame(lab.outages, [])
})

t.test('and so is whatever browsers are led to', async t => {
  const lab = await aLab(t, { limits })
  const paths = [
    'oauth/authorize/contoso',
    'oauth/authorize/',
    'oauth/authorize',
    'device',
    'oauth/authorize/a%00',
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), forms, async (path, fields) => {
      const query = new URLSearchParams(fields).toString()
      const answer = await fetch(`${lab.url}/_altgate/${path}?${query}`, { redirect: 'manual' })
      const text = await answer.text()
      return answer.status < 500 && !text.includes('<script>alert')
    }),
    { numRuns: 250 },
  )
  t.strictSame(lab.bugs, [])
})

t.test('over plain http, a helper is told to use https, and nothing is done', async t => {
  const lab = await aLab(t, { publicUrl: 'https://git.example.com' })
  for (const path of ['token', 'revoke', 'device_authorization/contoso'])
    t.match(await post(`${lab.url}/_altgate/oauth/${path}`, { client_id: 'altgate' }), {
      status: 400,
      body: { error: 'invalid_request', error_description: 'use the https address' },
    })
})
