import type { Secret } from '../gateway/secret.ts'

/** Who calls. `name` is what the report calls it. */
export type Caller = Good | Wrong | Unknown | Anonymous

/** Presents its credential, and expects this decision. */
export interface Good extends Share {
  readonly kind: 'good'
  readonly user: string
  readonly password: Secret
  readonly expect: 'allow' | 'reset-needed' | 'disabled'
}

/** Guesses the password of an existing user; never the same one twice. */
export interface Wrong extends Share {
  readonly kind: 'wrong'
  readonly user: string
}

/** Guesses both; never the same user name twice. */
export interface Unknown extends Share {
  readonly kind: 'unknown'
}

/** Presents nothing, as git does with the first request of each process. */
export interface Anonymous extends Share {
  readonly kind: 'anonymous'
}

interface Share {
  readonly name: string
  /** How often it calls, compared with the others. */
  readonly weight: number
  /** What it asks for, after the target's address. */
  readonly path: string
}

/** What one load test does. */
export interface Plan {
  readonly target: Target
  readonly callers: readonly Caller[]
  readonly load: Load
  readonly thresholds: Thresholds
}

interface Target {
  readonly name: string
  /** The address of an account: http or https, without user, query and fragment. */
  readonly url: string
  readonly loadTestSecret?: Secret
}

export interface Load {
  /** Requests due in each second; one after the other, each for `durationSeconds`. */
  readonly ratesPerSecond: readonly number[]
  readonly arrivals: 'poisson' | 'uniform'
  /** Before anything is counted, at the first rate. */
  readonly warmUpSeconds: number
  readonly durationSeconds: number
  /** From when a request was due to the end of its answer. */
  readonly timeoutSeconds: number
  /** What is due above that waits. */
  readonly requestsInFlight: number
}

/** What makes a load test fail besides a defect; both are about each `good` caller. */
export interface Thresholds {
  readonly p99Ms?: number
  readonly errorPercent?: number
}

/** One request that will be due. */
export interface Arrival {
  /** Milliseconds after the start of the test. */
  readonly at: number
  readonly caller: Caller
  /** Which of the rates it belongs to; -1: the warm-up, which does not count. */
  readonly step: number
}

/**
 * Every request of a test, in the order in which they are due. When they are due depends on nothing that happens
 * meanwhile: a slow answer delays no request (no coordinated omission).
 * `random`: from 0 (included) to 1 (excluded), for Poisson arrivals.
 */
export function* schedule(
  load: Load,
  callers: readonly Caller[],
  random: () => number,
): Generator<Arrival, void> {
  const next = mix(callers)
  for (const step of stepsOf(load)) {
    const times = load.arrivals === 'uniform' ? uniform(step) : poisson(step, random)
    for (const at of times) yield { at, caller: next(), step: step.step }
  }
}

/** One rate and when it is kept up, in milliseconds after the start of the test. */
interface Step {
  /** -1: the warm-up. */
  readonly step: number
  /** Requests a second. */
  readonly rate: number
  readonly from: number
  readonly to: number
}

export function stepsOf({ ratesPerSecond, warmUpSeconds, durationSeconds }: Load): readonly Step[] {
  const [first = 0] = ratesPerSecond
  const warmUp = warmUpSeconds * 1000
  const steps = ratesPerSecond.map((rate, step) => {
    const from = warmUp + step * durationSeconds * 1000
    return { step, rate, from, to: from + durationSeconds * 1000 }
  })
  return warmUp === 0 ? steps : [{ step: -1, rate: first, from: 0, to: warmUp }, ...steps]
}

function* uniform({ rate, from, to }: Step): Generator<number, void> {
  const count = Math.round((rate * (to - from)) / 1000)
  for (let nth = 0; nth < count; nth++) yield from + (nth * 1000) / rate
}

/** Independent of each other: the time between two is exponentially distributed. */
function* poisson({ rate, from, to }: Step, random: () => number): Generator<number, void> {
  const gap = () => (-Math.log(1 - random()) * 1000) / rate
  for (let at = from + gap(); at < to; at += gap()) yield at
}

/**
 * Chooses the next caller: in proportion to the weights at any time, and as evenly as possible (nginx's smooth weighted
 * round-robin), so that a short test has its share of rare callers, too.
 */
function mix(callers: readonly Caller[]): () => Caller {
  const total = callers.reduce((sum, { weight }) => sum + weight, 0)
  const turns = callers.map(caller => ({ caller, credit: 0 }))
  return () => {
    for (const turn of turns) turn.credit += turn.caller.weight
    const best = turns.reduce((one, other) => (other.credit > one.credit ? other : one))
    best.credit -= total
    return best.caller
  }
}
