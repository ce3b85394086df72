import t from 'tap'
import { loadSettings } from '../../src/settings/load.ts'
import { aFolder, complaintsAbout } from './support.ts'

/** A settings file, and every complaint about it. */
const refused: readonly (readonly [string, ...string[]])[] = [
  ['listen: { port: abc }', 'listen.port: must be a whole number from 0 to 65535, but is "abc"'],
  ['listen: { port: 65536 }', 'listen.port: must be a whole number from 0 to 65535, but is 65536'],
  ['listen: { port: 80.5 }', 'listen.port: must be a whole number from 0 to 65535, but is 80.5'],
  ['listen: { port: }', 'listen.port: must be a whole number from 0 to 65535, but is empty'],
  ['listen: { port: [1] }', 'listen.port: must be a whole number from 0 to 65535, but is a list'],
  ['listen: { prot: 1 }', 'listen.prot: unknown setting; did you mean "port"?'],
  ['listen: { colour: 1 }', 'listen.colour: unknown setting; known settings: host, port, tls'],
  ['listen: 8080', 'listen: must be a group of settings, but is a number'],
  ['listen: { host: "a b" }', 'listen.host: must be a host name or an IP address, but is "a b"'],
  ['listen: { tls: { certFile: a } }', 'listen.tls.keyFile: is missing: it must be the path of a file'],
  [
    'operations: { port: 8080 }',
    'operations.port: must differ from listen.port: metrics would be public, but is 8080',
  ],
  [
    'forwardAuth: { port: 8080 }\ntrustedProxies: [127.0.0.1]',
    'forwardAuth.port: must differ from the ports of listen and operations, but is 8080',
  ],
  [
    'forwardAuth: { port: 9180 }\ntrustedProxies: [127.0.0.1]',
    'forwardAuth.port: must differ from the ports of listen and operations, but is 9180',
  ],
  [
    'forwardAuth: {}',
    'trustedProxies: is missing: it must name the proxies that may use forwardAuth: other senders are refused there',
  ],
  [
    'forwardAuth: { port: 0 }\ntrustedProxies: [127.0.0.1]',
    'forwardAuth.port: must be a whole number from 1 to 65535, but is 0',
  ],
  [
    'accounts: { azureDevOps: { address: "https://dev.azure.com/" } }',
    'accounts.azureDevOps.address: must be an http or https address with {account} in it, such as https://dev.azure.com/{account}/, but is "https://dev.azure.com/"',
  ],
  ['- listen', 'settings: must be a group of settings, but is a list'],
  [
    'publicUrl: https://git.example.com/base',
    'publicUrl: must be an http or https address without a path, such as https://git.example.com, but is "https://git.example.com/base"',
  ],
  [
    'publicUrl: https://root:canary@git.example.com',
    'publicUrl: must be an http or https address without a path, such as https://git.example.com, but is an address with a user',
  ],
  [
    'trustedProxies: ["0.0.0.0/0", "::/0"]',
    'trustedProxies[0]: must not include all addresses: any client could then impersonate another, but is "0.0.0.0/0"',
    'trustedProxies[1]: must not include all addresses: any client could then impersonate another, but is "::/0"',
  ],
  ['workers: 0', 'workers: must be "auto" or a whole number from 1 to 64, but is 0'],
  ['plainHttp: maybe', 'plainHttp: must be "refuse" or "allow", but is "maybe"'],
  ['accounts: { naming: { by: port } }', 'accounts.naming.by: must be "path" or "host", but is "port"'],
  [
    'accounts: { naming: { by: path, suffix: .example.com } }',
    'accounts.naming.suffix: cannot be combined with the settings beside it',
  ],
  [
    'accounts: { naming: { by: host, suffix: example.com } }',
    'accounts.naming.suffix: must be what follows the account in a host name, such as ".example.com", but is "example.com"',
  ],
  [
    'trustedProxies: [10.0.0.0/8, 10.0.0.0/33, proxy]',
    'trustedProxies[1]: must be an IP address or a range such as 10.0.0.0/8, but is "10.0.0.0/33"',
    'trustedProxies[2]: must be an IP address or a range such as 10.0.0.0/8, but is "proxy"',
  ],
  [
    'throttle: { exempt: [10.0.0.0/99], loadTest: { secret: short } }',
    'throttle.exempt[0]: must be an IP address or a range such as 10.0.0.0/8, but is "10.0.0.0/99"',
    'throttle.loadTest.secret: must be text of at least 16 characters',
  ],
  [
    'admin: { people: [{ directory: 0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11, oid: x }] }',
    'admin.people: must be of directories that signIn has: there is no other way to sign in to the console, but is a list',
  ],
  [
    'admin: { people: [{ directory: contoso, oid: x }, { directory: 0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11 }], api: 1 }',
    'admin.api: must be true or false, but is 1',
    'admin.people[0].directory: must be the id of a directory, but is "contoso"',
    'admin.people[1]: must have exactly one of oid and group',
  ],
  ['redis:', 'redis: must have exactly one of url, sentinel and cluster'],
  [
    '__proto__: { port: 1 }',
    '__proto__: unknown setting; known settings: listen, operations, forwardAuth, publicUrl, workers, connections, accounts, store, redis, secrets, upstreamAuth, upstreamAuthByAccount, upstreamAuthByName, trustedProxies, plainHttp, signIn, page, passwords, oauth, admin, notice, hashing, verdicts, refusals, toolUses, throttle, upstream, lfs, refusedBodies, stop, log, audit, demo',
  ],
  ['store: { url: { env: NO_SUCH } }', 'store.url: the environment variable NO_SUCH is not set'],
  ['store: { url: { file: no-such } }', 'store.url: the file no-such cannot be read: there is no such file'],
  ['store: { url: { file: . } }', 'store.url: the file . cannot be read: it is a directory'],
  [
    'listen: { prot: 1, port: x }\nworkers: none\ncolour: red',
    'listen.port: must be a whole number from 0 to 65535, but is "x"',
    'listen.prot: unknown setting; did you mean "port"?',
    'workers: must be "auto" or a whole number from 1 to 64, but is "none"',
    'colour: unknown setting; known settings: listen, operations, forwardAuth, publicUrl, workers, connections, accounts, store, redis, secrets, upstreamAuth, upstreamAuthByAccount, upstreamAuthByName, trustedProxies, plainHttp, signIn, page, passwords, oauth, admin, notice, hashing, verdicts, refusals, toolUses, throttle, upstream, lfs, refusedBodies, stop, log, audit, demo',
  ],
  ['page: { name: "" }', 'page.name: must be text of up to 60 characters, but is ""'],
  ['page: { text: "a\\nb" }', 'page.text: must be text of up to 500 characters, but is "a\\nb"'],
  ['listen: [1', 'gateway.yaml:1:11: has the wrong indentation, or an unclosed bracket'],
  ['workers: 1\nworkers: 2', 'gateway.yaml:2:1: occurs twice in the same group'],
  ['listen:\n\tport: 1', 'gateway.yaml:2:1: is indented with a tab; YAML allows only spaces'],
  ['publicUrl: a: b', 'gateway.yaml:1:12: has a second colon; put text with a colon and a space in quotes'],
  ['workers: *all', 'gateway.yaml: has an alias (*name) without an anchor, or too many aliases'],
  ['workers: !big 1', 'gateway.yaml:1:10: has a tag (!name), which settings do not support'],
]

for (const [yaml, ...complaints] of refused) {
  t.test(`it is said what is wrong with ${JSON.stringify(yaml)}`, async t => {
    t.same(complaintsAbout(t, yaml), complaints)
  })
}

t.test('a file that is not there is named', async t => {
  t.same(loadSettings({ file: 'no-such.yaml', env: {}, cwd: aFolder(t) }), {
    complaints: [{ path: 'no-such.yaml', message: 'cannot be read: there is no such file' }],
  })
})

t.test('hashing below the OWASP minimum is refused', async t => {
  const cheap = ['memoryKiB: 19455, passes: 2', 'memoryKiB: 47103, passes: 1', 'memoryKiB: 7168, passes: 4']
  for (const hashing of cheap) {
    t.match(
      complaintsAbout(t, `hashing: { ${hashing} }`),
      [/^hashing: must cost at least one of 47104\/1, /],
      hashing,
    )
  }
  const enough = [
    '19456, passes: 2',
    '47104, passes: 1',
    '12288, passes: 3',
    '9216, passes: 4',
    '7168, passes: 5',
  ]
  for (const hashing of enough) t.same(complaintsAbout(t, `hashing: { memoryKiB: ${hashing} }`), [], hashing)
})

t.test('variables that name no setting, or one setting twice, are refused', async t => {
  const env = {
    ALTGATE__LISTEN__PROT: '1',
    ALTGATE__COLOUR: 'red',
    ALTGATE__WORKERS: '1',
    ALTGATE__workers: '2',
    ALTGATE__LISTEN__PORT: 'abc',
  }
  t.same(complaintsAbout(t, '', env), [
    'ALTGATE__COLOUR: unknown setting',
    'ALTGATE__LISTEN__PROT: unknown setting; did you mean ALTGATE__LISTEN__PORT?',
    'ALTGATE__workers: is the same setting as ALTGATE__WORKERS',
    'listen.port: must be a whole number from 0 to 65535, but is "abc" (from ALTGATE__LISTEN__PORT)',
  ])
})

t.test('no complaint shows a secret', async t => {
  const secret = 'canary-7f3a'
  const files = [
    `store: { url: "mysql://root:${secret}@db/x" }`,
    `store: "postgres://root:${secret}@db/x"`,
    `store: { url: [ "postgres://root:${secret}@db/x" ] }`,
    `store: { uri: "postgres://root:${secret}@db/x" }`,
    `redis: redis://:${secret}@redis`,
    `redis: { url: "http://:${secret}@redis" }`,
    `store: { url: "postgres://root" ${secret} }`,
    `store: { url: "postgres://root:${secret}\n`,
    `store: { url: *${secret} }`,
    'listen: { port: { env: PASSWORD } }',
    'listen: { host: { env: PASSWORD } }',
    'workers: { env: PASSWORD }',
  ]
  for (const yaml of files) {
    const complaints = complaintsAbout(t, yaml, { PASSWORD: `${secret} b` })
    t.not(complaints.length, 0, yaml)
    t.notMatch(complaints.join('\n'), secret, yaml)
  }
  const fromEnvironment = complaintsAbout(t, '', { ALTGATE__STORE__URL: secret, ALTGATE__REDIS: secret })
  t.equal(fromEnvironment.length, 2)
  t.notMatch(fromEnvironment.join('\n'), secret)
})
