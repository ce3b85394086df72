import type { Test } from 'tap'
import { startAltgate, type AltgateOptions } from './altgate.ts'
import { ask, summary } from './ask.ts'
import { metric } from './metrics.ts'
import { workersOf } from './processes.ts'
import { recordingUpstream } from './recording-upstream.ts'
import { until } from './until.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'

/** A gateway with one account, and what it takes to fill its log. */
export async function logWorld(t: Test, options: AltgateOptions) {
  const upstream = await recordingUpstream(t)
  const stop = { drainSeconds: 0, graceSeconds: 5 }
  const altgate = await startAltgate(t, { ...options, settings: { workers: 1, stop, ...options.settings } })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right } })
  const workers = workersOf(altgate.pid)
  async function tries(count: number): Promise<string> {
    const answers = []
    for (let done = 0; done < count; done += 50)
      answers.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, () => ask(`${altgate.url}/contoso/x`, { as: [anna, right] })),
        )),
      )
    return summary(answers)
  }
  const dropped = (log: string) => metric(altgate, 'altgate_log_lines_dropped_total', { log })
  /** What requests are answered until lines of a log are lost, or an answer is not as usual. */
  async function triesUntilDropped(log: string): Promise<string> {
    let answered = ''
    await until(async () => {
      answered = await tries(50)
      return answered !== '200 allow' || (await dropped(log)) > 0
    })
    return answered
  }
  return {
    altgate,
    tries,
    dropped,
    triesUntilDropped,
    isWhole: () => String(workersOf(altgate.pid)) === String(workers),
  }
}
