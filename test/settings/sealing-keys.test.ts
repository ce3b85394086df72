import { randomBytes } from 'node:crypto'
import t from 'tap'
import { printSettings } from '../../src/settings/load.ts'
import { complaintsAbout, settingsOf } from './support.ts'

const key = randomBytes(32).toString('base64')
const delegated = `upstreamAuth: { method: delegated }
signIn: { entra: { clientId: altgate, clientSecret: canary } }
`

t.test('keys are read from files, in base64 or hexadecimal, and never shown', async t => {
  const hex = randomBytes(32).toString('hex')
  const yaml = `secrets:
  sealingKeys:
    - { id: k2, key: { file: new-key } }
    - { id: k1, key: ${hex.toUpperCase()} }
`
  const settings = settingsOf(t, yaml, {}, { 'config/new-key': `${key}\n` })
  t.strictSame(
    settings.secrets.sealingKeys.map(each => [each.id, each.key.reveal()]),
    [
      ['k2', key],
      ['k1', hex.toUpperCase()],
    ],
  )
  const shown = printSettings(settings)
  t.match(shown, '[secret]')
  t.notMatch(shown, key)
  t.notMatch(shown, hex.toUpperCase())
  t.strictSame(settingsOf(t, '').secrets, { sealingKeys: [] })
})

t.test('what is no key is refused, and not shown', async t => {
  const about = (text: string) => complaintsAbout(t, `secrets: { sealingKeys: ${text} }`)
  const wrong = 'must be 32 bytes, as base64 or in hexadecimal: openssl rand -base64 32'
  for (const canary of ['canary', randomBytes(31).toString('base64'), randomBytes(33).toString('hex')])
    t.strictSame(about(`[{ id: k1, key: ${canary} }]`), [`secrets.sealingKeys[0].key: ${wrong}`])
  t.match(about(`[{ id: k.1, key: ${key} }]`), [/^secrets\.sealingKeys\[0\]\.id: must be up to 64 letters/])
  t.match(about(`[{ key: ${key} }]`), [/^secrets\.sealingKeys\[0\]\.id: is missing/])
  t.match(about(`[{ id: k1, key: ${key} }, { id: k1, key: ${key} }]`), [/two keys with the same id/])
  const list = 'secrets.sealingKeys: must be a list of keys, each { id, key }'
  t.strictSame(about('canary'), [list])
  t.strictSame(about(key), [list])
  t.strictSame(complaintsAbout(t, '', { ALTGATE__SECRETS__SEALINGKEYS: key }), [
    'secrets.sealingKeys[0]: must be a group of settings, but is a text',
  ])
  for (const mixedUp of [key, randomBytes(48).toString('hex')])
    t.notMatch(about(`[{ id: ${mixedUp}, key: k1 }]`).join('\n'), mixedUp.slice(0, 8), 'the two are mixed up')
})

t.test('to act as users takes a key: one sentence says so', async t => {
  t.strictSame(complaintsAbout(t, delegated), [
    'secrets.sealingKeys: is missing: it must have a key: "delegated" keeps what sign-ins give, sealed',
  ])
  t.strictSame(complaintsAbout(t, `${delegated}secrets: { sealingKeys: [{ id: k1, key: ${key} }] }`), [])
  t.match(complaintsAbout(t, `${delegated}secrets: { sealingKeys: [{ id: k1, key: { file: nowhere } }] }`), [
    /^secrets\.sealingKeys\[0\]\.key: the file nowhere/,
  ])
})

t.test('liveness needs a key, too, wherever it is set', t => {
  const client = 'clientId: altgate, clientSecret: canary'
  const liveness = 'liveness: { everySeconds: 3600 }'
  for (const signIn of [
    `{ msa: { ${client}, ${liveness} } }`,
    `{ entra: { ${client}, ${liveness} } }`,
    `{ directories: { 72f988bf-86f1-41af-91ab-2d7cd011db47: { ${client}, ${liveness} } } }`,
  ]) {
    t.strictSame(complaintsAbout(t, `signIn: ${signIn}`), [
      'secrets.sealingKeys: is missing: it must have a key: "liveness" keeps what sign-ins give, sealed',
    ])
    settingsOf(t, `signIn: ${signIn}\nsecrets: { sealingKeys: [{ id: k1, key: "${key}" }] }`)
  }
  const never = complaintsAbout(t, `signIn: { msa: { ${client}, liveness: { everySeconds: 0 } } }`)
  t.match(never, [/^signIn\.msa\.liveness\.everySeconds: /])
  t.end()
})
