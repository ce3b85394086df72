import { Agent, request } from 'node:http'
import { build, type Histogram } from 'hdr-histogram-js'
import { anna, basic } from './people.ts'
import type { Server } from './server.ts'
import type { Stage } from './stage.ts'

export interface Steady {
  /** Requests that are due in each second, whatever became of those before. */
  readonly perSecond: number
  readonly seconds: number
}

/** How callers fared. */
export interface Fared {
  /** Microseconds from the moment when a request was due to the end of its answer. */
  readonly latency: Histogram
  /** Answers with status 200 in time, in each second. */
  readonly goodPerSecond: number
}

/** An address of this machine that attackers do not have. */
const from = '127.0.0.7'

/** Milliseconds after which a caller gives up. Whatever is not a good answer counts as that long. */
const patience = 20_000

/** Milliseconds after the end in which an answer still counts for the throughput. */
const late = 1000

/**
 * Callers with a good password who come at their own pace (an open loop). A request that could not be sent in time
 * because the server was slow has waited since it was due: nothing is omitted.
 */
export async function callSteadily(
  { stop }: Stage,
  server: Server,
  { perSecond, seconds }: Steady,
): Promise<Fared> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, localAddress: from })
  const latency = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: patience * 1000,
    numberOfSignificantValueDigits: 3,
  })
  const headers = { ...server.headers, authorization: basic(anna) }
  const began = performance.now()
  const ends = began + seconds * 1000
  let good = 0

  async function call(due: number): Promise<void> {
    const status = await ask(server.url, headers, agent)
    const now = performance.now()
    // Whoever is turned away quickly has not been served quickly.
    const waited = status === 200 ? Math.min(patience, now - due) : patience
    latency.recordValue(Math.max(1, Math.round(waited * 1000)))
    if (status === 200 && now <= ends + late) good += 1
  }

  try {
    await onTime({ began, stop, count: perSecond * seconds, every: 1000 / perSecond }, call)
    return { latency, goodPerSecond: good / seconds }
  } finally {
    agent.destroy()
  }
}

interface Timetable {
  readonly began: number
  readonly stop: AbortSignal
  readonly count: number
  /** Milliseconds. */
  readonly every: number
}

/** Begins each call when it is due, late ones at once; resolves when all are done. */
function onTime(
  { began, stop, count, every }: Timetable,
  call: (due: number) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0
    let done = 0
    const timer = setInterval(() => {
      if (stop.aborted) return give(() => reject(stop.reason))
      for (; begun < count && began + begun * every <= performance.now(); begun += 1)
        void call(began + begun * every).then(() => {
          done += 1
          if (done === count) give(resolve)
        })
    }, 1)
    function give(end: () => void): void {
      clearInterval(timer)
      end()
    }
  })
}

/** The status of the answer once all of it is there; 0 if there was none. */
function ask(url: string, headers: Readonly<Record<string, string>>, agent: Agent): Promise<number> {
  return new Promise(resolve => {
    const asked = request(url, { headers, agent, timeout: patience }, answer =>
      answer.resume().on('close', () => resolve(answer.complete ? (answer.statusCode ?? 0) : 0)),
    )
    asked
      .on('timeout', () => asked.destroy())
      .on('error', () => resolve(0))
      .end()
  })
}
