import t from 'tap'
import {
  certificateState,
  certificateText,
  dateAndTime,
  figure,
  gatewayText,
  lasting,
  moveText,
  partText,
  share,
} from '../../src/status/words.ts'

const at = '2026-11-27T12:00:00.000Z'
const second = 1000
const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second]

t.test('how long something lasts, in two units at most', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0 s'],
    [999, '0 s'],
    [59 * second, '59 s'],
    [minute, '1 min'],
    [hour - 1, '59 min'],
    [hour, '1 h'],
    [3 * hour + 12 * minute, '3 h 12 min'],
    [day, '1 day'],
    [day + 3 * hour, '1 day 3 h'],
    [2 * day - 1, '1 day 23 h'],
    [400 * day, '400 days'],
  ]
  for (const [ms, text] of cases) t.equal(lasting(ms), text)
})

t.test('figures have the digits that matter, and a share is whole only if it is', async t => {
  t.strictSame([0, 0.017, 0.5, 1.234, 12.34, 123.4].map(figure), [
    '0',
    '0.017',
    '0.50',
    '1.23',
    '12.3',
    '123',
  ])
  t.strictSame([0, 0.5, 0.9999, 1].map(share), ['0 %', '50 %', '99.9 %', '100 %'])
  t.equal(share({ unknown: 'nothing was asked' }), 'unknown')
})

t.test('a part says since when, with the date only if it was another day', async t => {
  const part = { part: 'store', state: 'up' } as const
  t.equal(partText({ ...part, since: '2026-11-27T11:58:00.000Z' }, at), 'since 11:58:00 (2 min)')
  t.equal(
    partText(
      { ...part, state: 'down', since: '2026-11-25T12:00:00.000Z', because: 'it does not answer' },
      at,
    ),
    'since 2026-11-25 12:00:00 (2 days); it does not answer',
  )
  t.equal(partText({ ...part, state: 'unknown', because: 'why' }, at), 'why')
})

t.test('a certificate says when it ends, and so it does 30 days ahead and afterwards', async t => {
  const ending = (time: string, certificates = 1) => ({
    setting: 'listen.tls.certFile',
    ends: { at: time, certificates },
  })
  const cases = [
    [ending('2027-03-01T12:00:00.000Z'), 'good', 'ends in 94 days: 2027-03-01 12:00:00'],
    [ending('2026-12-07T12:00:00.000Z', 3), 'soon', 'the first of 3 ends in 10 days: 2026-12-07 12:00:00'],
    [ending('2026-11-27T12:00:00.000Z'), 'ended', 'ENDED 0 s ago: 2026-11-27 12:00:00'],
    [ending('2026-11-27T09:00:00.000Z'), 'ended', 'ENDED 3 h ago: 2026-11-27 09:00:00'],
    [
      { setting: 'x', ends: { unknown: 'the file contains no certificate' } },
      'unknown',
      'unknown, because the file contains no certificate',
    ],
  ] as const
  for (const [certificate, state, text] of cases) {
    t.equal(certificateState(certificate, at), state)
    t.equal(certificateText(certificate, at), text)
  }
})

t.test('moves and gateways in words', async t => {
  t.equal(moveText({ at, to: 'directory', undo: false, directory: 'Contoso Ltd' }), 'Contoso Ltd')
  t.equal(moveText({ at, to: 'directory', undo: false }), 'a directory')
  t.equal(moveText({ at, to: 'microsoft-accounts', undo: true }), 'Microsoft accounts (undone)')
  const gateway = {
    id: 'g',
    host: 'one',
    version: '1.2.3',
    startedAt: at,
    settings: '0123456789ab',
    ready: true,
    workers: { listening: 2, of: 2 },
    decisionsPerSecond: 1,
    seenAt: '2026-11-27T11:57:00.000Z',
    silent: false,
    self: true,
  }
  t.equal(gatewayText(gateway, at), 'ready, 2/2 workers, this one')
  t.match(gatewayText({ ...gateway, silent: true }, at), /^for 3 min: it ended without a word/)
  t.equal(dateAndTime(at), '2026-11-27 12:00:00')
})
