import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { mock } from 'node:test'
import { pino } from 'pino'
import t from 'tap'
import type { Account } from '../../src/gateway/account.ts'
import { type Ask, RequestHeaders } from '../../src/gateway/ask.ts'
import type { Allow, Refused } from '../../src/gateway/decision.ts'
import { type AccountName, foldUsername, msaScope, type Slot, type Subject } from '../../src/gateway/names.ts'
import { createAuditLog } from '../../src/telemetry/audit.ts'
import { timestamp } from '../../src/telemetry/log.ts'
import { openLogs } from '../../src/telemetry/logs.ts'
import type { Delivered } from '../../src/gateway/deliveries.ts'
import { temporaryDirectory } from '../support/directory.ts'

const fabrikam: Account = {
  name: 'fabrikam' as AccountName,
  connection: { kind: 'msa' },
  upstream: 'http://127.0.0.1:1',
}

const ask: Ask = {
  id: 'r1',
  method: 'GET',
  target: '/fabrikam/x',
  host: '',
  authorization: [],
  from: '192.0.2.7',
  secure: true,
  headers: new RequestHeaders(['User-Agent', 'git/2.47.1 ("anything")']),
  lane: 'production',
}

/** The line that the audit log has for somebody who was refused. */
function lineOf(cause: Refused['cause']): Record<string, unknown> {
  let line = ''
  const about = { accountOf: () => 'fabrikam', placeOf: () => '_git/welcome' }
  const log = createAuditLog({ log: pino(), sink: { write: text => void (line += text) } }).witness(about)
  const username = foldUsername('canary-in-the-wrong-field')
  const slot = 'a-slot-that-is-longer-than-its-tag' as Slot
  const via = cause === 'forged' ? 'none' : 'store'
  log.saw({ outcome: 'refused', account: fabrikam, scope: msaScope, cause, username, slot, via }, ask, 1.2345)
  return JSON.parse(line)
}

t.test('the audit log names the user who mistyped a password', async t => {
  t.match(lineOf('mismatch'), {
    cause: 'mismatch',
    user: 'canary-in-the-wrong-field',
    via: 'store',
    ms: 1.23,
    from: '192.0.2.7',
    tool: 'git/2.47.1',
    path: '_git/welcome',
  })
})

t.test('a name that may not exist is shown as a tag: it may be a password in the wrong field', async t => {
  for (const cause of ['absent', 'forged'] as const) {
    const line = lineOf(cause)
    t.match(line, { outcome: 'refused', cause, account: 'fabrikam', userTag: 'a-slot-that-' })
    t.notMatch(JSON.stringify(line), 'canary')
  }
  t.equal(lineOf('forged')['via'], 'none')
})

t.test('the line of an allowed request is JSON whatever is in it, and of this request alone', async t => {
  const lines: string[] = []
  const log = pino({ level: 'info' })
  const about = { accountOf: () => undefined, placeOf: ({ target }: Ask) => target }
  const { witness } = createAuditLog({ log, sink: { write: text => void lines.push(text) } })
  const seen = witness(about)
  const username = foldUsername('zoë "o\u2028\u{1f600}\\@example.com')
  const subject = 'zoë' as Subject
  const allowed: Allow = {
    outcome: 'allow',
    account: fabrikam,
    scope: msaScope,
    username,
    subject,
    via: 'l1',
  }
  seen.saw(allowed, ask, 1)
  const odd = { id: 'r2', method: '"\u0007\ud800', target: '/ü"', from: '::1', lane: 'load-test' } as const
  seen.saw(allowed, { ...ask, ...odd, headers: new RequestHeaders([]) }, 0.005)
  t.ok(lines.every(line => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1))
  const whole = {
    level: 30,
    audit: 'decision',
    outcome: 'allow',
    account: 'fabrikam',
    user: username,
    via: 'l1',
  }
  t.match(JSON.parse(lines[0] ?? ''), {
    ...whole,
    request: 'r1',
    method: 'GET',
    tool: 'git/2.47.1',
    msg: 'allow',
  })
  const { id: request, method, target: path, from, lane } = odd
  t.match(JSON.parse(lines[1] ?? ''), {
    ...whole,
    request,
    method,
    path,
    from,
    lane,
    ms: 0.01,
    tool: undefined,
  })
  t.match(JSON.parse(lines[1] ?? ''), { time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
})

t.test('lines tell their time as RFC 3339, whatever the clock does', async t => {
  const hour = Date.UTC(2026, 10, 28, 1)
  mock.timers.enable({ apis: ['Date'], now: hour })
  t.teardown(() => mock.timers.reset())
  for (const now of [hour, hour + 7, hour + 999, hour + 1000, hour + 1000, hour - 1, hour + 1007, 1]) {
    mock.timers.setTime(now)
    t.equal(timestamp(), `,"time":"${new Date(now).toISOString()}"`)
  }
})

t.test('a change that waits for a slow reader is written once, and not taken for written before', async t => {
  const directory = temporaryDirectory(t)
  const pipe = join(directory, 'audit')
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(reader))
  const read = () => {
    let text = ''
    const chunk = Buffer.alloc(65_536)
    try {
      for (;;) text += chunk.toString('utf8', 0, readSync(reader, chunk))
    } catch {
      return text // that was all for now
    }
  }
  try {
    for (;;) writeSync(reader, Buffer.alloc(4096, '\n'))
  } catch {
    // it is full, as it should be
  }
  const log = { level: 'info', bufferKiB: 16, file: join(directory, 'log') } as const
  const { audit } = openLogs({ log, audit: { file: pipe } }, () => {})
  const by = { at: 0, actor: 'cli:root', action: 'account-added', usernames: [] } as const
  const change = (number: number): Delivered => ({
    kind: 'change',
    change: { ...by, number, token: `token of ${number}` },
  })
  t.equal(await audit.deliver([change(1)]), 0)
  const taken = audit.deliver([change(1), change(2)])
  t.notMatch(read(), 'account-added')
  t.equal(await taken, 2)
  t.strictSame(
    [...read().matchAll(/"revision":(\d)/g)].map(found => found[1]),
    ['1', '2'],
  )
})
