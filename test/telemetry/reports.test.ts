import t from 'tap'
import type { Allow } from '../../src/gateway/decision.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import type { Logger } from '../../src/telemetry/logs.ts'
import { createCrowdReport, createRefusalReport } from '../../src/telemetry/reports.ts'

t.test('every request of a crowd is counted, and one of a minute is logged', async t => {
  let now = 0
  const counted: string[] = []
  const logged: unknown[] = []
  const report = createCrowdReport({
    log: { warn: (fields: unknown) => logged.push(fields) } as unknown as Logger,
    count: result => counted.push(result),
    now: () => now,
  })
  const allowed = { account: { name: 'fabrikam' }, username: 'anna@example.com' } as unknown as Allow // names are branded types
  for (const [at, how] of [
    [0, 'waits'],
    [59_999, 'turned-away'],
    [60_000, 'waits'],
  ] as const) {
    now = at
    report(how, allowed, `request-${at}`)
  }
  t.strictSame(counted, ['waits', 'turned-away', 'waits'])
  t.strictSame(
    logged,
    [0, 60_000].map(at => ({
      request: `request-${at}`,
      account: 'fabrikam',
      username: 'anna@example.com',
      result: 'waits',
    })),
  )
})

t.test('a rejected credential of the gateway is an alert, and one of a user is counted only', async t => {
  const counted: string[] = []
  const alerts: unknown[] = []
  const report = createRefusalReport({
    log: { error: (fields: unknown) => alerts.push(fields) } as unknown as Logger,
    count: method => counted.push(method),
    methodOf: () => 'delegated',
    now: () => 0,
  })
  const fabrikam = { name: 'fabrikam' as AccountName }
  report(fabrikam, { outcome: 'upstream-failed', because: 'user-token' }, 'one')
  t.strictSame(alerts, [])
  for (const because of ['unauthorized', 'unauthorized', 'dropped'] as const)
    report(fabrikam, { outcome: 'upstream-failed', because }, 'two')
  t.strictSame(counted, ['delegated', 'delegated', 'delegated'])
  t.match(alerts, [{ account: 'fabrikam', because: 'unauthorized', request: 'two' }])
})
