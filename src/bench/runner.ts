import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Silence } from './ledger.ts'
import type { Arrival } from './load.ts'

/** Sends one request; `answered` is called once, with `undefined` if the connection failed. Returns how to cut it. */
export type Send<Answer> = (arrival: Arrival, answered: (answer: Answer | undefined) => void) => () => void

/** What became of one request. */
export interface Sample<Answer> {
  readonly arrival: Arrival
  readonly result: Answer | Silence
  /** Milliseconds from when it was due to the end of its answer, or until it was given up. */
  readonly latency: number
}

interface RunnerOptions<Answer> {
  readonly arrivals: Iterator<Arrival, void>
  readonly send: Send<Answer>
  /** Told of each request that was due, once. */
  readonly sample: (sample: Sample<Answer>) => void
  /** Told how late a request is started, in milliseconds, waiting for a timer or a free connection. */
  readonly started: (arrival: Arrival, lateBy: number) => void
  readonly requestsInFlight: number
  /** Milliseconds from when a request was due. */
  readonly timeout: number
  /** Milliseconds since the start of the test. */
  readonly now: () => number
}

/** An open-loop load without a timer of its own: the caller of `turn` keeps the time. */
export interface Runner {
  /**
   * Starts everything that is due, and gives up what has taken too long. Returns the milliseconds until the next request is
   * due, 0 if it is held up by the ones in flight; `undefined`: everything is done.
   */
  turn(): number | undefined
  /** Ends the load: nothing more is started, and requests in flight are cut. Returns how many due requests have no result. */
  cut(): number
}

interface Flight {
  readonly arrival: Arrival
  cut: () => void
}

export function createRunner<Answer>(options: RunnerOptions<Answer>): Runner {
  const { arrivals, send, sample, started, requestsInFlight, timeout, now } = options
  const flights = new Set<Flight>() // in the order in which they were due
  let busy = 0 // flights, and those given up that still hold a connection
  let next = arrivals.next().value

  function startDue(): void {
    while (next !== undefined && next.at <= now()) {
      const tooLate = now() - next.at >= timeout
      if (!tooLate && busy >= requestsInFlight) return
      const arrival = next
      next = arrivals.next().value
      if (tooLate) settle(arrival, 'not-started')
      else start(arrival)
    }
  }

  function start(arrival: Arrival): void {
    const flight: Flight = { arrival, cut: () => {} }
    flights.add(flight)
    busy++
    started(arrival, now() - arrival.at)
    flight.cut = send(arrival, answer => {
      busy--
      if (flights.delete(flight)) settle(arrival, answer ?? 'connection-failed')
      startDue() // a request may have waited for this connection
    })
  }

  function giveUp(): void {
    for (const flight of flights) {
      if (now() - flight.arrival.at < timeout) return
      flights.delete(flight)
      settle(flight.arrival, 'timeout')
      flight.cut()
    }
  }

  function settle(arrival: Arrival, result: Answer | Silence): void {
    sample({ arrival, result, latency: now() - arrival.at })
  }

  return {
    turn() {
      giveUp()
      startDue()
      if (next !== undefined) return Math.max(0, next.at - now())
      return flights.size === 0 ? undefined : 0
    },
    cut() {
      const cuts = [...flights].map(flight => flight.cut)
      let unfinished = flights.size
      for (; next !== undefined && next.at <= now(); next = arrivals.next().value) unfinished++
      next = undefined
      flights.clear()
      for (const cut of cuts) cut()
      return unfinished
    },
  }
}

/**
 * Whether this process could keep up. A load generator that is late measures itself and blames the target.
 */
export interface GeneratorHealth {
  /** How late the event loop was, in milliseconds. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** The share of time in which it was busy: 0 to 1. */
  readonly utilization: number
  /** True: trust the numbers only after a run with more machines or a lower rate. */
  readonly bottleneck: boolean
}

/** Above these limits, waiting in this process is part of what was measured. */
const limits = { loopDelayP99Ms: 20, utilization: 0.9 }

/** Milliseconds between two samples; the measured delay includes them. */
const resolution = 10

/** Watches the event loop. */
interface GeneratorWatch {
  /** Discards earlier samples: compiling and connecting are not part of the test. */
  restart(): void
  /** The health since the last start. It stops watching. */
  stop(): GeneratorHealth
}

export function watchGenerator(): GeneratorWatch {
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  let since = performance.eventLoopUtilization()
  /** Whole microseconds. Without a sample there are no percentiles. */
  const lateAt = (percentile: number) => {
    const microseconds = delay.count === 0 ? 0 : Math.round(delay.percentile(percentile) / 1000)
    return Math.max(0, microseconds - resolution * 1000) / 1000
  }
  return {
    restart() {
      delay.reset()
      since = performance.eventLoopUtilization()
    },
    stop() {
      delay.disable()
      const { utilization } = performance.eventLoopUtilization(since)
      const loopDelayMs = { p50: lateAt(50), p99: lateAt(99), max: lateAt(100) }
      return { loopDelayMs, utilization, bottleneck: isBottleneck(loopDelayMs.p99, utilization) }
    },
  }
}

/** `utilization`: 0 to 1. */
export function isBottleneck(loopDelayP99Ms: number, utilization: number): boolean {
  return loopDelayP99Ms > limits.loopDelayP99Ms || utilization > limits.utilization
}
