import t from 'tap'
import { type Shown, type Size, screen } from '../../src/status/screen.ts'
import type { StatusDocument } from '../../src/status/document.ts'

const at = '2026-11-27T12:00:00.000Z'
const load = {
  seconds: 60,
  perSecond: { allow: 12.5, challenge: 3, refused: 0.25, throttled: 0.1, garbled: 0.02, busy: 0.01 },
  decisionsPerSecond: 15.88,
  loadTestPerSecond: 0,
  hashesPerSecond: 0.2,
  cacheHits: 0.98,
}
const gateway = {
  id: 'g',
  host: 'one',
  version: '1.2.3',
  startedAt: at,
  settings: '0123456789ab',
  workers: { listening: 2, of: 2 },
}
const known = {
  gateways: Array.from({ length: 4 }, (_, each) => ({
    ...gateway,
    id: `g${each}`,
    host: `host-${each}`,
    ready: true,
    decisionsPerSecond: 1,
    seenAt: at,
    silent: false,
    self: each === 0,
  })),
  moves: Array.from(
    { length: 5 },
    () =>
      ({
        at,
        to: 'directory',
        undo: false,
        account: 'fabrikam',
        directory: 'Contoso',
        actor: 'cli:root',
      }) as const,
  ),
  refusals: Array.from(
    { length: 10 },
    (_, each) =>
      ({ at, reference: `reference-${each}`, outcome: 'refused', user: 'anna@example.com' }) as const,
  ),
}
const told: StatusDocument = {
  at,
  gateway: { ...gateway, node: '26', pid: 1, state: 'ready' },
  last10s: { ...load, seconds: 10 },
  last60s: load,
  hashing: { lanes: 2, queue: 1, queueLimit: 200 },
  parts: [
    { part: 'store', state: 'up', since: at },
    { part: 'redis', state: 'down', since: at, because: 'it does not answer' },
    { part: 'upstreams', state: 'unknown', because: 'no request has been forwarded yet' },
  ],
  ...known,
  certificates: [],
  charts: { stepSeconds: 10, steps: [] },
}
const shown: Shown = { at, told, ...known, certificates: [] }
const texts = (its: Shown, size?: Size) => screen(its, size).map(({ text }) => text)

t.test(
  'everything is shown where there is room, and each section keeps a line where there is none',
  async t => {
    const all = texts(shown)
    for (const text of ['busy', 'host-3', 'reference-9', 'redis', 'fabrikam']) t.match(all.join('\n'), text)
    const small = texts(shown, { columns: 80, rows: 24 })
    t.equal(small.length, 24)
    t.ok(small.every(text => text.length <= 80))
    for (const text of ['allow', 'redis', 'host-1', 'fabrikam', 'reference-0', 'The settings name none'])
      t.match(small.join('\n'), text)
    t.notOk(small.includes(''), 'blank lines go first')
    const tiny = texts(shown, { columns: 30, rows: 8 })
    t.equal(tiny.length, 8)
    t.equal(tiny.at(-1), '… Enlarge the window to see mo')
    t.ok(texts(shown, { columns: 200, rows: 100 }).includes(''))
  },
)

t.test('where lines are not cut, one that is too long goes on below its last column', async t => {
  const because = 'it does not answer, or answers with something that is not the answer to what it was asked'
  const parts = [{ part: 'redis', state: 'down', since: at, because }] as const
  const unknown = { unknown: because }
  const [refusal] = known.refusals
  const user = 'a-user-with-a-long-name@a-directory-with-a-long-name.example.com'
  const refusals = refusal ? [{ ...refusal, user, account: 'fabrikam', cause: 'mismatch' }] : []
  const its = { ...shown, told: { ...told, parts }, moves: unknown, refusals }
  const lines = screen(its, { columns: 80 })
  t.strictSame(
    lines.filter(({ text }) => text.length > 80),
    [],
  )
  t.match(
    lines.map(({ text }) => text).join('\n'),
    `redis  DOWN   since 12:00:00 (0 s); it does not answer, or answers with
              something that is not the answer to what it was asked\n`,
  )
  t.equal(lines.filter(({ kind }) => kind === 'bad').length, 4, 'all lines of bad news')
  t.match(lines.at(-2), { text: /^0 s ago  reference-0  refused  fabrikam$/ })
  t.match(lines.at(-1), { text: `  ${user}  mismatch` })
  t.strictSame(texts(its, { columns: Infinity }), texts(its))
})

t.test('bad news is marked as such', async t => {
  const bad = screen(shown).filter(({ kind }) => kind === 'bad')
  t.match(bad, [{ text: /^redis +DOWN/ }])
  t.equal(bad.length, 1)
  const notReady = screen({ ...shown, told: { ...told, gateway: { ...told.gateway, state: 'not-ready' } } })
  t.match(notReady[0], { kind: 'bad', text: /not ready: 2 of 2 workers listen/ })
})

t.test('what is unknown is said with its reason, and one reason once', async t => {
  const unknown = { unknown: 'the store is unavailable' }
  const all = texts({ ...shown, gateways: unknown, moves: unknown, refusals: unknown }).join('\n')
  t.equal(all.split(unknown.unknown).length, 2)
  const some = texts({ ...shown, moves: unknown }).join('\n')
  t.match(some, 'LAST MOVES\nunknown, because the store is unavailable')
  t.match(some, 'reference-0')
  t.match(texts({ ...shown, told: { unknown: 'x' } })[0], /^No gateway answers here\. 12:00:00 UTC$/)
})

t.test('control characters of a name do not reach the terminal', async t => {
  const actor = 'cli:\u001b[2J\n'
  const [move] = known.moves
  const lines = texts({ ...shown, moves: move ? [{ ...move, actor }] : [] })
  t.notOk(lines.some(line => line.includes('\u001b') || line.includes('\n')))
})
