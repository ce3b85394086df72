import { build, type Histogram } from 'hdr-histogram-js'
import type { Decision, UpstreamFailed } from '../gateway/decision.ts'
import type { Caller } from './load.ts'
import type { Sample } from './runner.ts'
import type { Answer } from './sender.ts'

/** The number of answers with one outcome and status. */
export interface Count {
  readonly outcome: Outcome | Silence
  /** `undefined`: there was no answer. */
  readonly status: number | undefined
  readonly count: number
}

/** The counts and latencies of a set of requests. */
export interface Ledger {
  /** Requests that were due. */
  due: number
  answered: number
  readonly grades: Record<Grade, number>
  readonly counts: Map<string, Count>
  /**
   * In microseconds. Requests that were given up are included with the time that was waited, or the slowest would be
   * missing; failed connections are not, because a refused connection is quick.
   */
  readonly latencies: Histogram
}

/** `digits`: the precision of latencies; three are 0.1 %. */
export function createLedger(digits: 2 | 3): Ledger {
  return {
    due: 0,
    answered: 0,
    grades: { expected: 0, error: 0, defect: 0 },
    counts: new Map(),
    latencies: latencies(digits),
  }
}

/** A histogram of microseconds that grows as needed. */
export function latencies(digits: 2 | 3): Histogram {
  return build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: digits })
}

/** Records milliseconds in a histogram of microseconds. */
export function note(into: Histogram, milliseconds: number): void {
  into.recordValue(Math.max(1, Math.round(milliseconds * 1000)))
}

function enter(ledger: Ledger, { arrival, result, latency }: Sample<Answer>): void {
  const answer = typeof result === 'string' ? { outcome: result, status: undefined } : result
  ledger.due++
  if (answer.status !== undefined) ledger.answered++
  ledger.grades[gradeOf(arrival.caller, answer.outcome)]++
  count(ledger, { ...answer, count: 1 })
  if (answer.outcome !== 'connection-failed') note(ledger.latencies, latency)
}

/** Adds the counts of another ledger. */
export function add(ledger: Ledger, other: Ledger): Ledger {
  ledger.due += other.due
  ledger.answered += other.answered
  ledger.grades.expected += other.grades.expected
  ledger.grades.error += other.grades.error
  ledger.grades.defect += other.grades.defect
  for (const each of other.counts.values()) count(ledger, each)
  if (other.latencies.totalCount > 0) ledger.latencies.add(other.latencies)
  return ledger
}

function count({ counts }: Ledger, { outcome, status, count }: Count): void {
  const key = `${outcome} ${status ?? ''}`
  counts.set(key, { outcome, status, count: (counts.get(key)?.count ?? 0) + count })
}

/** All counts of one test: by rate, by caller and by time. */
export interface Ledgers {
  enter(sample: Sample<Answer>): void
  /** Of one caller at one rate; the warm-up, -1, has a ledger of its own, which no report reads. */
  of(step: number, caller: Caller): Ledger
  /** Of one caller in one stretch of time; `undefined`: nothing was due. */
  during(stretch: number, caller: Caller): Ledger | undefined
}

/** `stretchOf`: the stretch of time that a moment belongs to, in milliseconds after the start of the test. */
export function createLedgers(stretchOf: (at: number) => number): Ledgers {
  const steps = new Map<string, Ledger>()
  const stretches = new Map<string, Ledger>()

  function open(among: Map<string, Ledger>, key: string, digits: 2 | 3): Ledger {
    const ledger = among.get(key) ?? createLedger(digits)
    among.set(key, ledger)
    return ledger
  }

  return {
    enter(sample) {
      const { step, at, caller } = sample.arrival
      enter(open(steps, `${step} ${caller.name}`, 3), sample)
      enter(open(stretches, `${stretchOf(at)} ${caller.name}`, 2), sample)
    },
    of: (step, caller) => open(steps, `${step} ${caller.name}`, 3),
    during: (stretch, caller) => stretches.get(`${stretch} ${caller.name}`),
  }
}

/** The decision that the gateway reports: `X-Altgate-Outcome`. */
type Mark = Decision['outcome'] | UpstreamFailed['outcome']

/** `not-from-altgate`: an error or a challenge from something between the client and the gateway. */
export type Outcome = Mark | 'not-from-altgate'

/** Why there was no answer. */
export type Silence = 'timeout' | 'not-started' | 'connection-failed'

/**
 * `expected`: the right decision. `error`: put off or failed, on purpose or by an outage. `defect`: a wrong decision.
 */
type Grade = 'expected' | 'error' | 'defect'

/** The grade of each decision for a caller that should have got another. */
const unexpected: Readonly<Record<Mark, Grade>> = {
  allow: 'defect',
  challenge: 'defect',
  garbled: 'defect',
  refused: 'defect',
  'reset-needed': 'defect',
  'sign-in-needed': 'defect',
  disabled: 'defect',
  expired: 'defect',
  'read-only': 'defect',
  'not-allowed': 'defect',
  'unclear-target': 'defect',
  'no-account': 'defect',
  throttled: 'error',
  busy: 'error',
  unavailable: 'error',
  'upstream-failed': 'error',
}

/** Whether a word is one of the gateway's marks: only an Altgate sets them. */
export function isMark(word: string | undefined): word is Mark {
  return word !== undefined && Object.hasOwn(unexpected, word)
}

/**
 * The outcome of an answer. A forwarded answer carries no mark, but it cannot be a 401 either, because the gateway forwards
 * none. Unknown words stay out of the report: a target could put anything there.
 */
export function outcomeOf(status: number, word: string | undefined): Outcome {
  if (word === undefined) return status === 401 || status >= 500 ? 'not-from-altgate' : 'allow'
  return isMark(word) ? word : 'not-from-altgate'
}

/** How well a caller was served. */
export function gradeOf(caller: Caller, outcome: Outcome | Silence): Grade {
  if (outcome === expectedOf(caller)) return 'expected'
  // Throttling is meant to stop callers that guess.
  const guesses = caller.kind === 'wrong' || caller.kind === 'unknown'
  if (guesses && outcome === 'throttled') return 'expected'
  return isMark(outcome) ? unexpected[outcome] : 'error'
}

function expectedOf(caller: Caller): Mark {
  if (caller.kind === 'good') return caller.expect
  return caller.kind === 'anonymous' ? 'challenge' : 'refused'
}
