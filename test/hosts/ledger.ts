import type { Answered } from '../support/ask.ts'

/** What is so after a number of changes. Passwords are numbered. */
export interface State {
  readonly password: number
  readonly enabled: boolean
  readonly connected: boolean
}

/** Who was answered what while which changes were made, and which answers no state allows. */
export interface Ledger {
  /** The state of now; while a change is made, the one before it. */
  readonly now: State
  /** A change begins; the function that is returned is called when it is said to be in force, or to have failed. */
  begin(after: State): (said: 'in force' | 'not made') => void
  /** `began`: when the request was sent, by `performance.now()`. */
  answered(who: string, password: number, began: number, answer: Answered): void
  readonly requests: number
  /** Every answer that was wrong, in words. */
  readonly wrong: readonly string[]
}

interface Span {
  readonly state: State
  /** From then on it may hold. */
  readonly begun: number
  /** From then on it, and none before it, may hold. */
  said: number
}

export function nameOf(password: number): string {
  return `the password number ${password}`
}

/** `outages`: gateways that may say 503, for a part is cut off from them. */
export function createLedger(first: State, outages: (who: string) => boolean = () => false): Ledger {
  const spans: Span[] = [{ state: first, begun: -Infinity, said: -Infinity }]
  const wrong: string[] = []
  let requests = 0

  function latest(): State {
    return (spans.findLast(({ said }) => said !== Infinity) ?? { state: first }).state
  }

  return {
    get now() {
      return latest()
    },
    begin(after) {
      const before = latest()
      const span: Span = { state: after, begun: performance.now(), said: Infinity }
      spans.push(span)
      return said => {
        span.said = performance.now()
        if (said === 'not made') spans.push({ state: before, begun: span.begun, said: span.said })
      }
    },
    answered(who, password, began, { status, outcome }) {
      requests += 1
      if (status === 503 && outages(who)) return
      const ended = performance.now()
      const from = spans.findLastIndex(({ said }) => said <= began)
      const possible = spans
        .slice(from)
        .filter(({ begun }) => begun <= ended)
        .map(({ state }) => expected(state, password))
      const got = `${status} ${outcome}`
      if (possible.includes(got)) return
      wrong.push(`${who} answered password ${password} with ${got}, not ${possible.join(' or ')}`)
    },
    get requests() {
      return requests
    },
    wrong,
  }
}

function expected({ password, enabled, connected }: State, presented: number): string {
  if (presented !== password) return '401 refused'
  if (connected) return '401 reset-needed'
  return enabled ? '200 allow' : '403 disabled'
}
