import type { Decision, UpstreamFailed } from '../gateway/decision.ts'
import type { Caller } from './plan.ts'

/** What the gateway says it has decided: `X-Altgate-Outcome`. */
type Mark = Decision['outcome'] | UpstreamFailed['outcome']

/** `not-from-altgate`: an error or a challenge of somebody between us and the gateway. */
export type Outcome = Mark | 'not-from-altgate'

/** Why there was no answer. */
export type Silence = 'timeout' | 'not-started' | 'connection-failed'

/**
 * `expected`: as it should be. `error`: put off or failed, be it on purpose or by an outage. `defect`: decided, and not
 * as it should have been.
 */
export type Grade = 'expected' | 'error' | 'defect'

/** What each decision is to a caller that should have met another. */
const unexpected: Readonly<Record<Mark, Grade>> = {
  allow: 'defect',
  challenge: 'defect',
  garbled: 'defect',
  refused: 'defect',
  'reset-needed': 'defect',
  disabled: 'defect',
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
 * What an answer was. A forwarded one carries no mark, but then it is no 401 either, which the gateway lets no upstream
 * ask for. Words that we do not know stay out of the report: whoever answers could write anything there.
 */
export function outcomeOf(status: number, word: string | undefined): Outcome {
  if (word === undefined) return status === 401 || status >= 500 ? 'not-from-altgate' : 'allow'
  return isMark(word) ? word : 'not-from-altgate'
}

/** How well a caller was served. */
export function gradeOf(caller: Caller, outcome: Outcome | Silence): Grade {
  if (outcome === expectedOf(caller)) return 'expected'
  // Throttling is there to put off whoever guesses.
  const guesses = caller.kind === 'wrong' || caller.kind === 'unknown'
  if (guesses && outcome === 'throttled') return 'expected'
  return isMark(outcome) ? unexpected[outcome] : 'error'
}

function expectedOf(caller: Caller): Mark {
  if (caller.kind === 'good') return caller.expect
  return caller.kind === 'anonymous' ? 'challenge' : 'refused'
}
