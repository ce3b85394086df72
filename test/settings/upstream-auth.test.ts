import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { printSettings } from '../../src/settings/load.ts'
import { complaintsAbout, settingsOf } from './support.ts'

t.test('unless told otherwise, upstreams are told who it is in headers', async t => {
  const { upstreamAuth, upstreamAuthByAccount } = settingsOf(t, '')
  t.strictSame(upstreamAuth, { method: 'identity-headers' })
  t.strictSame(upstreamAuthByAccount, {})
})

t.test('each account can have a method of its own, its name in any case', async t => {
  const { upstreamAuth, upstreamAuthByAccount } = settingsOf(
    t,
    'upstreamAuth: { method: signed-assertion }\nupstreamAuthByAccount: { Fabrikam: { method: strip } }',
  )
  t.strictSame(upstreamAuth, { method: 'signed-assertion', algorithm: 'ES256', keyDays: 7 })
  t.strictSame(upstreamAuthByAccount, { fabrikam: { method: 'strip' } })
})

t.test('a credential in a file stays a reference, so that it can be read again', async t => {
  const yaml = 'upstreamAuth: { method: swapped-credential, credential: { file: secrets/pat } }'
  const settings = settingsOf(t, yaml, {}, { 'config/secrets/pat': 'canary-7f3a\n' })
  t.match(settings.upstreamAuth, {
    method: 'swapped-credential',
    scheme: 'basic',
    user: '',
    credential: { file: /^\/.*\/config\/secrets\/pat$/ },
  })
  t.match(printSettings(settings), /credential:\n {4}file: \/.*\/config\/secrets\/pat\n/)
  t.notMatch(printSettings(settings), 'canary')
})

t.test('a credential of the environment or of the file itself is a secret', async t => {
  for (const [credential, env] of [
    ['{ env: PAT }', { PAT: 'canary-7f3a' }],
    ['canary-7f3a', {}],
    ['""', { ALTGATE__UPSTREAMAUTH__CREDENTIAL: 'canary-7f3a' }],
  ] as const) {
    const yaml = `upstreamAuth: { method: swapped-credential, credential: ${credential} }`
    const settings = settingsOf(t, yaml, env)
    t.match(settings.upstreamAuth, { credential: Secret })
    t.match(printSettings(settings), 'credential: "[secret]"')
    t.notMatch(printSettings(settings), 'canary')
  }
})

t.test('a service principal asks for Azure DevOps unless told otherwise', async t => {
  const yaml = `upstreamAuth:
  method: entra-service-principal
  issuer: https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0
  clientId: a
  clientSecret: { env: S }`
  t.match(settingsOf(t, yaml, { S: 'canary' }).upstreamAuth, {
    scope: '499b84ac-1321-427f-aa17-267ca6975798/.default',
    clientSecret: Secret,
  })
})

const signIn = 'signIn: { entra: { clientId: a, clientSecret: canary } }'
const keys = `secrets: { sealingKeys: [{ id: one, key: ${'5e'.repeat(32)} }] }`
const delegated = (rest = '') => `upstreamAuth: { method: delegated${rest} }\n${signIn}\n${keys}`

t.test(
  'delegated asks for Azure DevOps unless told otherwise, and names users who do not delegate',
  async t => {
    t.strictSame(settingsOf(t, delegated()).upstreamAuth, {
      method: 'delegated',
      scope: '499b84ac-1321-427f-aa17-267ca6975798/.default',
    })
    const fallback =
      ', fallback: { users: [Build@Example.com], upstreamAuth: { method: swapped-credential, credential: canary-7f3a } }'
    const settings = settingsOf(t, delegated(fallback))
    t.match(settings.upstreamAuth, {
      fallback: {
        users: ['build@example.com'],
        upstreamAuth: { method: 'swapped-credential', scheme: 'basic', credential: Secret },
      },
    })
    t.notMatch(printSettings(settings), 'canary')
    const inFile = fallback.replace('canary-7f3a', '{ file: pat }')
    t.match(settingsOf(t, delegated(inFile), {}, { 'config/pat': 'canary\n' }).upstreamAuth, {
      fallback: { upstreamAuth: { credential: { file: /\/config\/pat$/ } } },
    })
  },
)

t.test('delegated names the hosts that get tokens', async t => {
  t.match(settingsOf(t, delegated(', hosts: [Dev.Azure.com, "*.VisualStudio.com", 10.0.0.1]')).upstreamAuth, {
    hosts: ['dev.azure.com', '*.visualstudio.com', '10.0.0.1'],
  })
  const rule = 'must be a host name, or * and a dot before one'
  for (const wrong of [
    'https://dev.azure.com',
    'dev.azure.com:443',
    '*',
    '*.',
    '*.com',
    'a.*.com',
    'a b',
    'x/',
  ])
    t.strictSame(complaintsAbout(t, delegated(`, hosts: ["${wrong}"]`)), [
      `upstreamAuth.hosts[0]: ${rule}, but is ${JSON.stringify(wrong)}`,
    ])
  t.strictSame(complaintsAbout(t, delegated(', hosts: []')), [
    'upstreamAuth.hosts: must name at least one host, but is a list',
  ])
})

t.test('what is wrong with delegated is said', async t => {
  const own =
    'must be "identity-headers", "strip", "swapped-credential", "entra-service-principal", "signed-assertion" or "pass-through"'
  for (const [yaml, complaint] of [
    [
      `upstreamAuth: { method: delegated }\n${keys}`,
      'signIn: is missing: it must say where users sign in: "delegated" acts with what their sign-in gives',
    ],
    [
      `${delegated()}\nupstreamAuthByAccount: { fabrikam: { method: delegated, scope: other/.default } }`,
      'upstreamAuthByAccount: must have the same scope wherever the method is "delegated": a sign-in gives one token',
    ],
    [
      delegated(', fallback: { users: [], upstreamAuth: { method: strip } }'),
      'upstreamAuth.fallback.users: must name at least one user, but is a list',
    ],
    [
      delegated(', fallback: { users: ["a b"], upstreamAuth: { method: strip } }'),
      'upstreamAuth.fallback.users[0]: must be a user name: up to 320 characters, no space and no colon, but is "a b"',
    ],
    [
      delegated(', fallback: { users: [a@b.c] }'),
      `upstreamAuth.fallback.upstreamAuth: is missing: it must be a group of settings`,
    ],
    [
      delegated(', fallback: { users: [a@b.c], upstreamAuth: { method: delegated } }'),
      `upstreamAuth.fallback.upstreamAuth.method: ${own}, but is "delegated"`,
    ],
    [delegated(', issuer: a'), 'upstreamAuth.issuer: cannot be combined with the settings beside it'],
  ] as const)
    t.strictSame(complaintsAbout(t, yaml), [complaint], yaml)
})

t.test('what is wrong is said at once, each with its place, and without the secret', async t => {
  const list =
    'must be "identity-headers", "strip", "swapped-credential", "entra-service-principal", "signed-assertion", "pass-through" or "delegated"'
  for (const [yaml, complaint] of [
    ['upstreamAuth: { method: magic }', `upstreamAuth.method: ${list}, but is "magic"`],
    ['upstreamAuth: {}', `upstreamAuth.method: is missing: it ${list}`],
    [
      'upstreamAuth: { method: strip, user: a }',
      'upstreamAuth.user: cannot be combined with the settings beside it',
    ],
    [
      'upstreamAuth: { method: swapped-credential }',
      'upstreamAuth.credential: is missing: it must be one line of printable ASCII without spaces',
    ],
    [
      'upstreamAuth: { method: swapped-credential, credential: "canary two" }',
      'upstreamAuth.credential: must be one line of printable ASCII without spaces',
    ],
    [
      'upstreamAuth: { method: swapped-credential, credential: { file: nowhere } }',
      'upstreamAuth.credential: the file nowhere cannot be read: there is no such file',
    ],
    [
      'upstreamAuth: { method: swapped-credential, credential: { env: NOWHERE } }',
      'upstreamAuth.credential: the environment variable NOWHERE is not set',
    ],
    [
      'upstreamAuth: { method: swapped-credential, user: "a:b", credential: c }',
      'upstreamAuth.user: must be printable ASCII without a colon, but is "a:b"',
    ],
    [
      'upstreamAuthByAccount: { "a/b": { method: strip } }',
      'upstreamAuthByAccount.a/b: must be the name of an account',
    ],
  ] as const)
    t.strictSame(complaintsAbout(t, yaml), [complaint], yaml)
})
