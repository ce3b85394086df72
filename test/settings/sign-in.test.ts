import t from 'tap'
import { printSettings } from '../../src/settings/load.ts'
import { complaintsAbout, settingsOf } from './support.ts'

const contoso = '72f988bf-86f1-41af-91ab-2d7cd011db47'

t.test('without sign-in settings the page has its times and knows no authority', async t => {
  t.same(settingsOf(t, '').signIn, { directories: {}, freshMinutes: 15, sessionMinutes: 60 })
})

t.test('Microsoft accounts have their issuer by default', async t => {
  const { signIn } = settingsOf(t, 'signIn: { msa: { clientId: a, clientSecret: b } }')
  t.equal(signIn.msa?.issuer, 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0')
})

t.test(
  'a directory is named by its id in any case, its secret comes by reference, and nothing shows it',
  async t => {
    const yaml = `signIn: { directories: { ${contoso.toUpperCase()}: { clientId: a, clientSecret: { file: s } } } }`
    const settings = settingsOf(t, yaml, {}, { 'config/s': 'canary-7f3a\n' })
    t.equal(settings.signIn.directories[contoso]?.clientSecret.reveal(), 'canary-7f3a')
    t.notMatch(printSettings(settings), 'canary')
  },
)

t.test('the environment reaches into a directory', async t => {
  const yaml = `signIn: { directories: { ${contoso}: { clientId: a } } }`
  const prefix = `ALTGATE__SIGNIN__DIRECTORIES__${contoso.toUpperCase()}`
  const { signIn } = settingsOf(t, yaml, { [`${prefix}__CLIENTSECRET`]: '123' })
  t.equal(signIn.directories[contoso]?.clientSecret.reveal(), '123')
})

t.test('it is said what is wrong, without the secret', async t => {
  const secret = 'canary-7f3a'
  const refused: readonly (readonly [string, ...string[]])[] = [
    [
      `signIn: { directories: { contoso: { clientId: a, clientSecret: ${secret} } } }`,
      'signIn.directories.contoso: must be the id of a directory',
    ],
    [
      `signIn: { directories: { ${contoso}: { clientId: a, clientSecret: ${secret}, issuer: "http://idp.example.com" } } }`,
      `signIn.directories.${contoso}.issuer: must be an https address without a user, query or fragment (http only on this machine), but is "http://idp.example.com"`,
    ],
    [
      `signIn: { msa: { clientId: a, clientSecrt: ${secret}, clientSecret: ${secret} } }`,
      'signIn.msa.clientSecrt: unknown setting; did you mean "clientSecret"?',
    ],
    [
      `signIn: { entra: { clientId: a } }`,
      'signIn.entra.clientSecret: is missing: it must be the client secret from the identity provider',
    ],
    [`signIn: { freshMinutes: 0 }`, 'signIn.freshMinutes: must be a whole number from 1 to 1440, but is 0'],
    [`notice: { webhookUrl: "ftp://${secret}" }`, 'notice.webhookUrl: must be an http or https address'],
    [
      `notice: { webhookUrl: "https://x", secret: ${secret} }`,
      'notice.secret: must be text of at least 16 characters',
    ],
  ]
  for (const [yaml, ...complaints] of refused) {
    const found = complaintsAbout(t, yaml)
    t.same(found, complaints, yaml)
    t.notMatch(found.join('\n'), secret)
  }
})

t.test('plain http is an issuer on this machine alone', async t => {
  for (const issuer of [
    'http://localhost:8082/x',
    'http://127.0.0.1/x',
    'http://[::1]:1/x',
    'https://idp.example.com/x',
  ]) {
    settingsOf(t, `signIn: { msa: { clientId: a, clientSecret: b, issuer: "${issuer}" } }`)
  }
  for (const issuer of [
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://127.0.0.1@evil',
    'ftp://localhost',
  ]) {
    t.equal(
      complaintsAbout(t, `signIn: { msa: { clientId: a, clientSecret: b, issuer: "${issuer}" } }`).length,
      1,
      issuer,
    )
  }
})
