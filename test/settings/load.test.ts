import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { loadSettings, printSettings } from '../../src/settings/load.ts'
import { aFolder, complaintsAbout, settingsOf } from './support.ts'

t.test('an empty file, or none, gives the defaults', async t => {
  const settings = settingsOf(t, '# nothing\n')
  const none = loadSettings({ env: {}, cwd: aFolder(t) })
  t.same(none, { settings })
  t.same(settings.listen, { host: '0.0.0.0', port: 8080 })
  t.same(settings.operations, { host: '127.0.0.1', port: 9180, revocationProbeSeconds: 15 })
  t.match(settings.accounts, { naming: { by: 'path' }, source: 'store' })
  t.equal(settings.store.url.reveal(), 'sqlite:./data/altgate.db')
  t.equal(settings.redis, undefined)
  t.equal(settings.demo, undefined)
  t.same(settings.hashing, { memoryKiB: 19456, passes: 2, parallelism: 1, lanes: 'auto', queueLimit: 200 })
})

t.test('the environment wins over the file, whatever the case of its names', async t => {
  const yaml = 'listen: { host: 127.0.0.1, port: 1 }\nworkers: 3\naccounts: { naming: { by: path } }'
  const settings = settingsOf(t, yaml, {
    ALTGATE__LISTEN__PORT: '2',
    ALTGATE__Workers: 'auto',
    ALTGATE__TRUSTEDPROXIES: '10.0.0.1, fd00::/8',
    ALTGATE__ACCOUNTS__NAMING__BY: 'host',
    ALTGATE__ACCOUNTS__NAMING__SUFFIX: '.Example.com',
    ALTGATE_OTHER: 'is none of ours',
  })
  t.same(settings.listen, { host: '127.0.0.1', port: 2 })
  t.equal(settings.workers, 'auto')
  t.same(settings.trustedProxies, ['10.0.0.1', 'fd00::/8'])
  t.same(settings.accounts.naming, { by: 'host', suffix: '.example.com' })
})

t.test('a list in the environment may be JSON, a group YAML', async t => {
  const env = {
    ALTGATE__TRUSTEDPROXIES: '["10.0.0.1"]',
    ALTGATE__DEMO: '{}',
    ALTGATE__DEMO__UPSTREAMPORT: '7',
  }
  const settings = settingsOf(t, '', env)
  t.same(settings.trustedProxies, ['10.0.0.1'])
  t.same(settings.demo, { upstreamPort: 7, dataDirectory: './data/demo' })
})

t.test('text from the environment is taken as it is', async t => {
  const url = 'postgres://altgate:a #b: "c"@db/altgate'
  t.equal(settingsOf(t, '', { ALTGATE__STORE__URL: url }).store.url.reveal(), url)
  t.equal(settingsOf(t, '', { ALTGATE__LOG__FILE: '7' }).log.file, '7')
})

t.test('references are followed, and a file starts at the folder of the settings', async t => {
  const yaml = `
    store: { url: { file: secrets/store } }
    redis: { url: { env: REDIS_URL } }
    listen: { port: { env: PORT } }
    log: { file: { env: LOG_FILE } }
    audit: { file: audit.log }
    trustedProxies: [{ env: PROXY }, 10.0.0.2]`
  const env = { REDIS_URL: 'redis://:pw@r', PORT: '99', LOG_FILE: 'a.log', PROXY: '10.0.0.1' }
  const settings = settingsOf(t, yaml, env, { 'config/secrets/store': 'postgres://a:b@c/d\n' })
  t.equal(settings.store.url.reveal(), 'postgres://a:b@c/d')
  t.equal(settings.redis?.url?.reveal(), 'redis://:pw@r')
  t.equal(settings.listen.port, 99)
  t.equal(settings.log.file, 'a.log')
  t.equal(settings.audit.file, 'audit.log', 'a group with a member called file is no reference')
  t.same(settings.trustedProxies, ['10.0.0.1', '10.0.0.2'])
})

/** A secret as editors, shells and Windows leave it in a file or a variable. */
const dressings = [
  's3cret',
  's3cret\n',
  's3cret\r\n',
  's3cret\r\n\r\n',
  's3cret \t\n',
  ' s3cret',
  '\uFEFFs3cret\r\n',
]

t.test(
  'a byte order mark, newlines and blanks around a secret are taken off, wherever it comes from',
  async t => {
    for (const dressed of dressings) {
      const url = dressed.replace('s3cret', 'postgres://a:s3cret@c/d')
      const direct = settingsOf(t, 'store: { url: { file: s } }', {}, { 'config/s': url })
      t.equal(direct.store.url.reveal(), 'postgres://a:s3cret@c/d', JSON.stringify(dressed))
      const variable = settingsOf(t, 'store: { url: { env: S } }', { S: url })
      t.equal(variable.store.url.reveal(), 'postgres://a:s3cret@c/d', JSON.stringify(dressed))
      const yaml = 'upstreamAuth: { method: swapped-credential, credential: { file: s } }'
      t.match(settingsOf(t, yaml, {}, { 'config/s': dressed }).upstreamAuth, { credential: { file: /s$/ } })
    }
  },
)

t.test('a file that can never be a secret is refused at once, not when a request needs it', async t => {
  const utf16 = Buffer.from('\uFEFFs3cret', 'utf16le')
  const followed = 'upstreamAuth: { method: swapped-credential, credential: { file: s } }'
  const read = 'store: { url: { file: s } }'
  for (const [yaml, content, told] of [
    [followed, '', /the file s is empty$/],
    [followed, '\r\n', /the file s is empty$/],
    [followed, 'two\nlines\n', /the content of the file must be one line of printable ASCII without spaces$/],
    [followed, 'two words', /must be one line of printable ASCII without spaces$/],
    [followed, 'päss', /must be one line of printable ASCII without spaces$/],
    [followed, utf16, /the file s is not UTF-8 text/],
    [followed, utf16.subarray(2), /the file s is not UTF-8 text/],
    [read, utf16, /the file s is not UTF-8 text/],
    [read, ' \n', /the file s is empty$/],
  ] as const) {
    const folder = aFolder(t, { 'gateway.yaml': yaml })
    writeFileSync(join(folder, 's'), content)
    const loaded = loadSettings({ file: 'gateway.yaml', env: {}, cwd: folder })
    t.match('complaints' in loaded && loaded.complaints, [{ message: told }], JSON.stringify(String(content)))
    t.equal('complaints' in loaded && loaded.complaints.length, 1)
  }
})

t.test('an override takes the place of a reference that leads nowhere', async t => {
  const settings = settingsOf(t, 'store: { url: { env: NO_SUCH } }', { ALTGATE__STORE__URL: 'sqlite:x' })
  t.equal(settings.store.url.reveal(), 'sqlite:x')
})

t.test('a group with nothing in it is there', async t => {
  t.same(settingsOf(t, 'demo:').demo, { upstreamPort: 8081, dataDirectory: './data/demo' })
  t.same(settingsOf(t, 'demo: {}').demo, { upstreamPort: 8081, dataDirectory: './data/demo' })
})

t.test('ALTGATE_CONFIG names the file, and --config wins over it', async t => {
  const cwd = aFolder(t, { 'a.yaml': 'workers: 1', 'b.yaml': 'workers: 2' })
  const env = { ALTGATE_CONFIG: 'a.yaml' }
  t.match(loadSettings({ env, cwd }), { settings: { workers: 1 } })
  t.match(loadSettings({ file: 'b.yaml', env, cwd }), { settings: { workers: 2 } })
  t.match(loadSettings({ env: { ALTGATE_CONFIG: '' }, cwd }), { settings: { workers: 'auto' } })
})

t.test('a slash at the end of publicUrl is cut', async t => {
  t.equal(settingsOf(t, 'publicUrl: https://Git.example.com/').publicUrl, 'https://git.example.com')
})

t.test('both ports may be "any free one"', async t => {
  t.same(complaintsAbout(t, 'listen: { port: 0 }\noperations: { port: 0 }'), [])
})

t.test('addresses are secrets, and the settings in force show none', async t => {
  const settings = settingsOf(
    t,
    'store: { url: "postgres://a:canary@c/d" }\nredis: { url: "redis://:canary@r" }',
  )
  t.ok(settings.store.url instanceof Secret)
  const printed = printSettings(settings)
  t.match(printed, 'store:\n  url: "[secret]"\n  leaseMs: 3000\nredis:\n  url: "[secret]"\n  leaseMs: 1000\n')
  t.notMatch(printed, 'canary')
})
