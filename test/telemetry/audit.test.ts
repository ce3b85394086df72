import { pino } from 'pino'
import t from 'tap'
import type { Account } from '../../src/gateway/account.ts'
import { type Ask, RequestHeaders } from '../../src/gateway/ask.ts'
import type { Refused } from '../../src/gateway/decision.ts'
import { type AccountName, foldUsername, msaScope, type Slot } from '../../src/gateway/names.ts'
import { createAuditLog } from '../../src/telemetry/audit.ts'

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
  const log = createAuditLog(pino({}, { write: text => void (line += text) })).witness(about)
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
