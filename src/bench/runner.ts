import type { Silence } from './outcome.ts'
import type { Arrival } from './schedule.ts'

/** Sends one request; `answered` is called once, with `undefined` if the connection failed. Returns how to cut it. */
export type Send<Answer> = (arrival: Arrival, answered: (answer: Answer | undefined) => void) => () => void

/** What became of one request. */
export interface Sample<Answer> {
  readonly arrival: Arrival
  readonly result: Answer | Silence
  /** Milliseconds from when it was due to the end of its answer, or until it was given up. */
  readonly latency: number
}

export interface RunnerOptions<Answer> {
  readonly arrivals: Iterator<Arrival, void>
  readonly send: Send<Answer>
  /** Told of each request that was due, once. */
  readonly sample: (sample: Sample<Answer>) => void
  /** Told how late a request is started, in milliseconds: for want of a timer or of a free connection. */
  readonly started: (arrival: Arrival, lateBy: number) => void
  readonly requestsInFlight: number
  /** Milliseconds from when a request was due. */
  readonly timeout: number
  /** Milliseconds since the start of the test. */
  readonly now: () => number
}

/** An open-loop load without a timer of its own: whoever calls `turn` keeps the time. */
export interface Runner {
  /**
   * Starts everything that is due, and gives up what has taken too long. Gives in how many milliseconds the next
   * request is due, 0 if it is held up by the ones in flight; `undefined`: all is done.
   */
  turn(): number | undefined
  /** Ends it: nothing more is started, what is under way is cut. Gives how many due requests have no result. */
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
      startDue() // somebody may have waited for this connection
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
