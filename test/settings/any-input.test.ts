import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadSettings } from '../../src/settings/load.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { runs } from '../support/runs.ts'

const directory = temporaryDirectory(t)
const file = join(directory, 'altgate.yaml')

const value = fc.oneof(
  fc.constantFrom(
    '',
    '[]',
    '{}',
    'null',
    'true',
    '-1',
    '0',
    '1e400',
    '.nan',
    '0x10',
    '"x"',
    '!!binary aGk=',
    '*anchor',
    '&a 1',
  ),
  fc.constantFrom(
    '{ env: HOME }',
    '{ file: /dev/null }',
    '{ file: . }',
    '{ env: }',
    '[1, [2, {a: b}]]',
    '2026-11-27',
    '~',
  ),
  fc.string({ maxLength: 20 }),
)
const key = fc.constantFrom(
  ...`listen host port tls certFile operations publicUrl workers accounts naming by suffix store url redis upstreamAuth
  method upstreamAuthByAccount trustedProxies signIn throttle hashing verdicts upstream log audit demo constructor
  __proto__ toString ?`.split(/\s+/),
  '',
  'a b',
)
const line = fc
  .tuple(fc.nat(3), key, value)
  .map(([depth, name, written]) => `${'  '.repeat(depth)}${name}: ${written}`)

/** Whether it was taken, or refused with whole sentences; anything else is a fault. */
function outcomeOf(text: string | Uint8Array, env: Readonly<Record<string, string>> = {}): string {
  writeFileSync(file, text)
  const loaded = loadSettings({ file, env, cwd: directory })
  if ('settings' in loaded) return 'settings'
  if (loaded.complaints.length === 0) throw new Error('refused without a complaint')
  return 'complaints'
}

t.test('whatever stands in a settings file is settings or complaints, never an exception', async t => {
  const outcomes = new Set<string>()
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(line, { maxLength: 8 }).map(lines => lines.join('\n')),
        fc.string(),
        fc.uint8Array(),
      ),
      text => {
        outcomes.add(outcomeOf(text))
      },
    ),
    { numRuns: runs(500) },
  )
  t.ok(outcomes.has('complaints'))
})

t.test('so is whatever the environment says', async t => {
  const name = fc
    .array(
      fc.constantFrom('LISTEN', 'PORT', 'STORE', 'URL', 'TRUSTED_PROXIES', '0', '', 'toString', '__PROTO__'),
      { maxLength: 3 },
    )
    .map(words => ['ALTGATE', ...words].join('__'))
  fc.assert(
    fc.property(fc.dictionary(name, value), env => void outcomeOf('', env)),
    { numRuns: runs(300) },
  )
  t.equal(outcomeOf('', { ALTGATE__LISTEN__PORT: '80' }), outcomeOf('listen: { port: 80 }'))
})
