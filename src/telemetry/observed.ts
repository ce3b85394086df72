import type { Instant } from '../gateway/names.ts'
import type { Part } from '../gateway/outage.ts'
import type { Decided, Totals, UsedPart, WorkerMetrics } from './metrics.ts'
import type { Rates } from './rates.ts'
import type { OutageReport, SilenceReport, Trouble } from './reports.ts'

/** What a worker tells the primary process of its work, at most once a second. */
export interface Observation extends Totals {
  /** Parts that fail. */
  readonly outages: readonly (Trouble & { readonly part: Part })[]
  /** How many accounts have an upstream that does not answer, and since when the first of them. */
  readonly silent: { readonly accounts: number; readonly since?: Instant }
}

interface Observed {
  readonly metrics: Pick<WorkerMetrics, 'totals'>
  readonly outage: Pick<OutageReport, 'current'>
  readonly silent: Pick<SilenceReport, 'current'>
}

/** Milliseconds between two looks. */
const everyMs = 1000

/** Reports what has changed, at most once a second: requests cost nothing beyond the counters that exist. */
export function reportObservations(
  observed: Observed,
  tell: (observation: Observation) => void,
): { stop(): void } {
  const look = createObserver(observed)
  const timer = setInterval(() => {
    const news = look()
    if (news !== undefined) tell(news)
  }, everyMs).unref()
  return { stop: () => clearInterval(timer) }
}

/** Each call returns what has changed since the one before; `undefined`: nothing. */
export function createObserver({ metrics, outage, silent }: Observed): () => Observation | undefined {
  let before = metrics.totals()
  let told = ''

  return () => {
    const now = metrics.totals()
    const silences = silent.current()
    const troubles = {
      outages: outage.current(),
      silent: {
        accounts: silences.length,
        ...(silences.length > 0 && { since: Math.min(...silences.map(({ since }) => since)) }),
      },
    }
    const counted = difference(now, before)
    before = now
    const text = JSON.stringify(troubles)
    if (text === told && isNothing(counted)) return undefined
    told = text
    return { ...counted, ...troubles }
  }
}

function difference(now: Totals, before: Totals): Totals {
  const key = ({ outcome, via }: Decided) => `${outcome} ${via}`
  const known = new Map(before.decisions.map(each => [key(each), each.count]))
  return {
    decisions: now.decisions
      .map(each => ({ ...each, count: each.count - (known.get(key(each)) ?? 0) }))
      .filter(({ count }) => count > 0),
    loadTest: now.loadTest - before.loadTest,
    answered: {
      upstream: now.answered.upstream - before.answered.upstream,
      accounts: now.answered.accounts - before.answered.accounts,
      provider: now.answered.provider - before.answered.provider,
    },
  }
}

function isNothing({ decisions, loadTest, answered }: Totals): boolean {
  const answers = Object.values(answered).some(count => count > 0)
  return decisions.length === 0 && loadTest === 0 && !answers
}

/** A part as requests find it. */
export interface PartSeen {
  /** When its present failure began; `undefined`: no request fails because of it. */
  readonly failingSince: Instant | undefined
  readonly failures: number
  /** When its last failure ended, if there was one. */
  readonly recoveredAt: Instant | undefined
}

/** What all workers, and the primary process itself, have observed. */
export interface Observations {
  /** `id`: of the worker. */
  heard(id: number, observation: Observation): void
  /** The worker is gone, and with it what it saw. */
  gone(id: number): void
  part(part: Part): PartSeen
  /** The parts that fail now. */
  failing(): readonly Part[]
  /** `recoveredAt`: when the last upstream that did not answer did again. */
  readonly silent: Observation['silent'] & { readonly recoveredAt: Instant | undefined }
  /** The primary process itself got an answer. */
  answered(part: UsedPart): void
  /** When a part last answered. */
  lastAnswer(part: UsedPart): Instant | undefined
}

/** `own`: the outages that the primary process sees itself. */
export function createObservations(rates: Rates, own: () => Observation['outages']): Observations {
  const workers = new Map<number, Observation>()
  const recovered = new Map<Part, Instant>()
  let failing: ReadonlySet<Part> = new Set()
  let isSilent = false
  let heardAgainAt: Instant | undefined
  const answers = new Map<UsedPart, Instant>()

  function outages(): Observation['outages'] {
    return [...own(), ...[...workers.values()].flatMap(each => each.outages)]
  }

  function look(): ReadonlySet<Part> {
    const now = new Set(outages().map(({ part }) => part))
    for (const part of failing) if (!now.has(part)) recovered.set(part, Date.now())
    failing = now
    const wasSilent = isSilent
    isSilent = [...workers.values()].some(({ silent }) => silent.accounts > 0)
    if (wasSilent && !isSilent) heardAgainAt = Date.now()
    return now
  }

  return {
    heard(id, observation) {
      workers.set(id, observation)
      look()
      for (const part of ['upstream', 'accounts', 'provider'] as const)
        if (observation.answered[part] > 0) answers.set(part, Date.now())
      for (const { outcome, via, count } of observation.decisions) {
        rates.add(`outcome ${outcome}`, count)
        rates.add(`via ${via}`, count)
      }
      if (observation.loadTest > 0) rates.add('load-test', observation.loadTest)
    },
    gone(id) {
      workers.delete(id)
      look()
    },
    part(part) {
      look()
      const its = outages().filter(each => each.part === part)
      return {
        failingSince: its.length === 0 ? undefined : Math.min(...its.map(({ since }) => since)),
        failures: its.reduce((sum, { failures }) => sum + failures, 0),
        recoveredAt: recovered.get(part),
      }
    },
    failing: () => [...look()],
    get silent() {
      const all = [...workers.values()].flatMap(({ silent }) => (silent.accounts === 0 ? [] : [silent]))
      const since = Math.min(...all.map(each => each.since ?? Infinity))
      // Workers see the same accounts, so the sum would count them twice.
      const accounts = Math.max(0, ...all.map(each => each.accounts))
      return { accounts, ...(all.length > 0 && { since }), recoveredAt: heardAgainAt }
    },
    answered: part => void answers.set(part, Date.now()),
    lastAnswer: part => answers.get(part),
  }
}
