import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { benchEditorSchema, benchManual } from '../../src/settings/manual.ts'
import { loadBenchSettings, type LoadedBench } from '../../src/settings/bench.ts'
import { temporaryDirectory } from '../support/directory.ts'

const config = join(import.meta.dirname, '../../config')

const anna = '{ kind: good, user: anna, password: canary }'

/** What becomes of a file with this text. */
function load(
  t: Test,
  yaml: string,
  { target, env = {} }: { target?: string; env?: Record<string, string> } = {},
): LoadedBench {
  const cwd = temporaryDirectory(t)
  writeFileSync(join(cwd, 'bench.yaml'), yaml)
  return loadBenchSettings({ file: 'bench.yaml', env, cwd, target })
}

/** What is complained about, as lines. */
function complaints(t: Test, yaml: string): readonly string[] {
  const loaded = load(t, yaml)
  return 'complaints' in loaded ? loaded.complaints.map(({ path, message }) => `${path}: ${message}`) : []
}

/** A file with one target, and these words about it. */
function withTarget(words: string): string {
  return `targets: { here: { ${words}, callers: { anna: ${anna} } } }`
}

t.test('everything that is wrong is complained about at once, each with its place', async t => {
  const yaml = `
targets:
  here:
    url: ftp://here.example
    callers:
      anna: { kind: good, user: "an:na", password: "" }
      bob: { kind: evil }
      carl: { kind: wrong, weight: 0, path: /x }
      "d d": { kind: anonymous }
load: { ratesPerSecond: [], durationSeconds: 0, requestsInFligt: 5 }
thresholds: { errorPercent: 101 }
`
  const found = complaints(t, yaml)
  t.strictSame(
    found.map(line => line.replace(/: .*/s, '')),
    [
      'targets.here.url',
      'targets.here.callers.anna.user',
      'targets.here.callers.anna.password',
      'targets.here.callers.bob.kind',
      'targets.here.callers.carl.user',
      'targets.here.callers.carl.weight',
      'targets.here.callers.carl.path',
      'targets.here.callers.d d',
      'load.ratesPerSecond',
      'load.durationSeconds',
      'load.requestsInFligt',
      'thresholds.errorPercent',
    ],
    found.join('\n'),
  )
  t.match(found.join('\n'), 'did you mean "requestsInFlight"?')
})

t.test('a password is in no complaint, not even where it stands in the wrong place', async t => {
  const loaded = complaints(
    t,
    'targets: { here: { url: "https://u:can/ary-canary@x", callers: canary } }',
  ).join('\n')
  const wrong = `targets: { here: { url: https://x, callers: { a: { kind: good, user: a, password: "can\\nary" } } } }`
  t.match(loaded, 'targets.here.callers: must be a group')
  t.match(complaints(t, wrong).join(), /password: must be the password$/)
  t.notMatch(loaded, 'canary')
})

t.test('a password is a secret as soon as it is read, and comes from where a reference says', async t => {
  const yaml = withTarget('url: https://here.example').replace('canary', '{ env: PASSWORD }')
  const loaded = load(t, yaml, { env: { PASSWORD: 'canary' } })
  t.notMatch(JSON.stringify(loaded), 'canary')
  const caller = 'settings' in loaded ? loaded.settings.targets['here']?.callers['anna'] : undefined
  t.equal(caller?.kind === 'good' && caller.password.reveal(), 'canary')
})

t.test('plain http is for this machine, unless the file allows it', async t => {
  const refused = ['targets.here.url: must be https or an address of this machine']
  t.match(complaints(t, withTarget('url: http://here.example/a')), refused)
  t.match(complaints(t, withTarget('url: http://localhost.example/a')), refused)
  for (const words of [
    'url: https://here.example/a',
    'url: http://localhost:8080/a',
    'url: "http://[::1]:8080/a"',
    'url: http://127.0.0.1/a',
    'url: http://here.example/a, plainHttp: allow',
  ])
    t.strictSame(complaints(t, withTarget(words)), [], words)
})

t.test('with several targets one must be named, and it must be in the file', async t => {
  const yaml = `targets: { a: { url: https://a, callers: { x: ${anna} } }, b: { url: https://b, callers: { x: ${anna} } } }`
  t.strictSame(load(t, yaml), { names: ['a', 'b'] })
  t.strictSame(load(t, yaml, { target: 'https://c' }), { names: ['a', 'b'] })
  t.match(load(t, yaml, { target: 'b' }), { settings: { targets: { b: { url: 'https://b' } } } })
})

t.test('the secrets of another target need not be there, and its passwords are not loaded', async t => {
  const there = '{ kind: good, user: x, password: { env: ELSEWHERE } }'
  const yaml = `targets: { a: { url: https://a, callers: { x: ${anna} } }, b: { url: https://b, callers: { x: ${there} } } }`
  const loaded = load(t, yaml, { target: 'a' })
  t.strictSame('settings' in loaded && Object.keys(loaded.settings.targets), ['a'])
  t.match(load(t, yaml, { target: 'b' }), {
    complaints: [
      { path: 'targets.b.callers.x.password', message: 'the environment variable ELSEWHERE is not set' },
    ],
  })
})

t.test('no file, an empty one, and one without callers are told apart from a good one', async t => {
  const missing = loadBenchSettings({ file: 'none.yaml', env: {}, cwd: config, target: undefined })
  t.match(missing, { complaints: [{ path: 'none.yaml', message: 'cannot be read: there is no such file' }] })
  t.match(complaints(t, ''), ['targets: is missing'])
  t.match(complaints(t, 'targets: {}'), ['targets: must name at least one target'])
  t.match(complaints(t, 'targets: { a: { url: https://a, callers: {} } }'), [
    'targets.a.callers: must name at least one caller',
  ])
})

t.test('the shipped example is accepted, also with the deployment that it explains', async t => {
  const cwd = temporaryDirectory(t)
  cpSync(join(config, 'bench.example.yaml'), join(cwd, 'bench.yaml'))
  const asItIs = loadBenchSettings({ file: 'bench.yaml', env: {}, cwd, target: undefined })
  t.match(asItIs, { settings: { targets: { demo: { url: 'http://localhost:8080/fabrikam/' } } } })

  const explained = readFileSync(join(cwd, 'bench.yaml'), 'utf8').replace(
    /^ {2}# (?=( *)[\w]+[\w-]*:)/gm,
    '  ',
  )
  writeFileSync(join(cwd, 'bench.yaml'), explained)
  writeFileSync(join(cwd, 'load-test.secret'), 'canary-canary-canary\n')
  const env = { BENCH_PASSWORD: 'canary' }
  const own = loadBenchSettings({ file: 'bench.yaml', env, cwd, target: 'production-eu' })
  t.match(own, { settings: { targets: { 'production-eu': { callers: { builds: { kind: 'good' } } } } } })
})

t.test('the manual and the JSON Schema are those of the schema (else: npm run settings:print)', async t => {
  t.equal(readFileSync(join(config, 'bench.md'), 'utf8'), benchManual())
  t.equal(readFileSync(join(config, 'bench.schema.json'), 'utf8'), benchEditorSchema())
})
