import { setTimeout as sleep } from 'node:timers/promises'
import { createLedgers, latencies, note } from './ledger.ts'
import { type Plan, schedule, stepsOf } from './load.ts'
import { type Report, reportOn } from './report.ts'
import { createRunner, watchGenerator } from './runner.ts'
import { type Answer, createSender, type Probed, type Sender } from './sender.ts'
import { stretchAt } from './timeline.ts'

/** The progress of a test. */
export interface Progress {
  /** Milliseconds since its start, and in total; answers may come after the end. */
  readonly at: number
  readonly of: number
  /** Requests answered or given up so far, including the warm-up. */
  readonly done: number
}

export interface BenchOptions {
  /** Aborted to end the test early. */
  readonly stop: AbortSignal
  /** Called often. */
  readonly progress: (progress: Progress) => void
}

/** What was measured, or why nothing was sent: the target did not identify itself as Altgate. */
export type Benched = { readonly report: Report } | { readonly refused: Probed }

/** Probes the target without a password; if it is an Altgate gateway, runs the plan and reports. */
export async function bench(plan: Plan, options: BenchOptions): Promise<Benched> {
  const sender = createSender(plan)
  try {
    const probed = await sender.probe()
    if (!('altgate' in probed) || !probed.altgate) return { refused: probed }
    return { report: await run(plan, sender, options) }
  } finally {
    await sender.close()
  }
}

/** Most milliseconds between two checks for timeouts, even if nothing is due. */
const longestSleep = 50

async function run(plan: Plan, sender: Sender, { stop, progress }: BenchOptions): Promise<Report> {
  const { load, callers } = plan
  const ledgers = createLedgers(stretchAt(load))
  const startedLate = latencies(3)
  const startedAt = new Date()
  const begin = performance.now()
  const now = () => performance.now() - begin
  const of = stepsOf(load).at(-1)?.to ?? 0
  let done = 0

  const runner = createRunner<Answer>({
    arrivals: schedule(load, callers, Math.random),
    send: sender.send,
    sample(sample) {
      done++
      ledgers.enter(sample)
    },
    started({ step }, lateBy) {
      if (step >= 0) note(startedLate, lateBy)
    },
    requestsInFlight: load.requestsInFlight,
    timeout: load.timeoutSeconds * 1000,
    now,
  })

  const generator = watchGenerator()
  let warm = false
  for (let wait = runner.turn(); wait !== undefined && !stop.aborted; wait = runner.turn()) {
    progress({ at: Math.min(now(), of), of, done })
    if (!warm && now() >= load.warmUpSeconds * 1000) {
      generator.restart()
      warm = true
    }
    // Timers count in whole milliseconds: everything that is due by then starts at once.
    await sleep(Math.min(Math.max(wait, 1), longestSleep))
  }
  const lasted = now()
  const health = generator.stop()
  const unfinished = runner.cut()
  const endedEarly = stop.aborted && (lasted < of || unfinished > 0)
  const measured = { ledgers, startedLate, generator: health, startedAt, lasted, endedEarly, unfinished }
  return reportOn(plan, measured)
}
