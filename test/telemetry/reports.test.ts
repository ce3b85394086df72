import t from 'tap'
import type { Allow } from '../../src/gateway/decision.ts'
import type { Logger } from '../../src/telemetry/logs.ts'
import { createCrowdReport } from '../../src/telemetry/reports.ts'

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
