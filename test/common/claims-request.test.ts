// What upstreams and providers demand of the next token: read, bounded, and asked for.
import t from 'tap'
import { claimsParameter, declaresCapability, demandIn } from '../../src/common/claims-request.ts'
import { microsoftAccountsTenant } from '../../src/gateway/names.ts'

const base64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
const nbf = { essential: true, value: '1604106651' }
const demanded = JSON.stringify({ access_token: { nbf } })

t.test('a challenge is read in base64, in base64url without padding, and in clear', async t => {
  const claims = { access_token: { acrs: { essential: true, value: 'c1' }, x: { value: '?>~?' } } }
  const text = JSON.stringify(claims)
  for (const challenge of [base64(claims), Buffer.from(text).toString('base64url'), text, ` ${text}`])
    t.equal(demandIn(challenge), text, challenge)
})

t.test('only what is demanded of the access token is kept', async t => {
  const claims = {
    id_token: { sub: { value: 'another-user' } },
    userinfo: { email: null },
    access_token: {
      nbf,
      xms_cc: { values: ['cp1', 'cp2'] },
      polids: { essential: true, Values: ['a'] },
      n: null,
    },
  }
  t.equal(
    demandIn(base64(claims)),
    JSON.stringify({ access_token: { nbf, polids: { essential: true, Values: ['a'] }, n: null } }),
  )
})

t.test('what cannot be asked for is no demand', async t => {
  const useless: readonly string[] = [
    '',
    '=',
    'eyJ9',
    '%%%',
    base64('no json'),
    base64('null'),
    base64('[]'),
    base64('"access_token"'),
    base64({}),
    base64({ access_token: null }),
    base64({ access_token: [] }),
    base64({ access_token: {} }),
    base64({ access_token: { xms_cc: { values: ['cp1'] } } }),
    base64({ access_token: { acrs: 'c1', nbf: 5, all: true, some: ['c1'] } }),
    base64({ id_token: { acr: { essential: true } } }),
    base64({ access_token: { long: { value: 'a'.repeat(2048) } } }),
    `{"access_token":{"long":{"value":"${'a'.repeat(100_000)}"}}}`,
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64'),
    '['.repeat(4000),
  ]
  for (const challenge of useless) t.equal(demandIn(challenge), undefined, challenge.slice(0, 60))
})

t.test('names of properties of objects are claims like others', async t => {
  const text = '{"access_token":{"__proto__":{"value":"x"},"constructor":{"value":"y"}}}'
  t.equal(demandIn(text), text)
  t.equal(({} as { value?: string }).value, undefined)
  t.equal(claimsParameter(false, text), text)
})

t.test('the capability is declared beside what is demanded', async t => {
  t.equal(claimsParameter(true, undefined), '{"access_token":{"xms_cc":{"values":["cp1"]}}}')
  t.equal(
    claimsParameter(true, demanded),
    JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] }, nbf } }),
  )
  t.equal(claimsParameter(false, demanded), demanded)
  t.equal(claimsParameter(false, undefined), undefined)
  t.equal(claimsParameter(false, 'not what was stored'), undefined)
  const imposed = '{"access_token":{"nbf":null,"xms_cc":{"values":["cp9"]}}}'
  t.equal(claimsParameter(false, imposed), '{"access_token":{"nbf":null}}')
})

t.test('it is declared to Microsoft Entra ID, unless the settings say otherwise', async t => {
  const guid = '72f988bf-86f1-41af-91ab-2d7cd011db47'
  for (const [issuer, expected] of [
    [`https://login.microsoftonline.com/${guid}/v2.0`, true],
    [`https://LOGIN.microsoftonline.com/${guid}/v2.0`, true],
    [`https://login.microsoftonline.us/${guid}/v2.0`, true],
    [`https://login.partner.microsoftonline.cn/${guid}/v2.0`, true],
    [`https://sts.windows.net/${guid}/`, true],
    [`https://login.microsoftonline.com/${microsoftAccountsTenant}/v2.0`, false],
    [`https://login.microsoftonline.com.example.net/${guid}/v2.0`, false],
    ['https://example.net/login.microsoftonline.com', false],
    ['http://127.0.0.1:8080/contoso/v2.0', false],
    ['no address', false],
  ] as const) {
    t.equal(declaresCapability(issuer, {}), expected, issuer)
    t.equal(declaresCapability(issuer, { continuousAccess: !expected }), !expected)
  }
})
