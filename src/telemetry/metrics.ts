import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  type Histogram,
  Registry,
} from 'prom-client'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Decision } from '../gateway/decision.ts'
import type { Part } from '../gateway/outage.ts'
import type { Witness } from '../gateway/ports.ts'

/** What a worker counts. Labels come from closed unions: never a user name or an account. */
export interface WorkerMetrics extends Witness {
  readonly outage: (part: Part) => void
  /** Seconds from the first byte sent upstream to the head of its answer. */
  readonly upstream: (seconds: number) => void
  /** A request found no connection to its upstream free; `result` is one of a closed list. */
  readonly crowded: (result: string) => void
  /** An upstream refused what the gateway presented; `method` is one of a closed list. */
  readonly refused: (method: string) => void
  /** The result of a query to the directory source; one of a closed list. */
  readonly asked: (result: string) => void
  /** A question for a user's token, and how many seconds it took; `result` is one of a closed list. */
  readonly renewed: (result: string, seconds: number) => void
  /** An uncaught error. */
  readonly bug: () => void
  /** A caller's connection was closed because there were too many, or because it stalled; `reason` is one of a closed list. */
  readonly connectionClosed: (reason: string) => void
  /** How often each outcome was decided, by where the verdict came from; and how often other parts have answered. */
  readonly totals: () => Totals
  /** Sets the function that counts the current connections of callers. */
  readonly connectionsOpen: (count: () => number) => void
}

/** Counts since the worker started. */
export interface Totals {
  readonly decisions: readonly Decided[]
  readonly loadTest: number
  readonly answered: Readonly<Record<UsedPart, number>>
}

/** Parts that only requests use. */
export type UsedPart = Extract<Part, 'upstream' | 'accounts' | 'provider'>

/** The results of a query to the directory source that are answers. */
const certain: ReadonlySet<string> = new Set(['directory', 'msa', 'none'])

/** `via`: as in `altgate_decisions_total`. */
export interface Decided {
  readonly outcome: Decision['outcome']
  readonly via: string
  readonly count: number
}

/** Registers the metrics of a worker where the primary process collects them. */
export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const lanes: Record<TrafficLane, CountingWitness> = {
    production: decisionMetrics(registry, 'altgate_', ''),
    // Separate, so that load tests do not show in the alerts and plots of production.
    'load-test': decisionMetrics(registry, 'altgate_load_test_', ' of load tests'),
  }
  const outages = new Counter({
    name: 'altgate_outages_total',
    help: 'Failures of the parts that the gateway depends on',
    labelNames: ['part'],
    registers,
  })
  const upstream = durationsOf(
    registry,
    'altgate_upstream_seconds',
    'Time until the upstream began to answer',
  )
  const refusals = new Counter({
    name: 'altgate_upstream_refusals_total',
    help: 'Requests for which an upstream refused what the gateway presented',
    labelNames: ['method'],
    registers,
  })
  const crowded = new Counter({
    name: 'altgate_upstream_crowded_total',
    help: 'Requests that found all connections to their upstream taken, by whether they waited or were refused',
    labelNames: ['result'],
    registers,
  })
  const questions = new Counter({
    name: 'altgate_account_questions_total',
    help: 'Queries to the directory source by result, or by the reason for having none',
    labelNames: ['result'],
    registers,
  })
  const renewals = new Counter({
    name: 'altgate_token_renewals_total',
    help: 'Questions to identity providers for new tokens of users, by result',
    labelNames: ['result'],
    registers,
  })
  const renewal = durationsOf(
    registry,
    'altgate_token_renewal_seconds',
    'Time that an identity provider took for a new token of a user',
  )
  const bugs = new Counter({
    name: 'altgate_bugs_total',
    help: 'Errors that nothing caught: each is a bug',
    registers,
  })
  const closed = new Counter({
    name: 'altgate_connections_closed_total',
    help: 'Connections of callers that were closed because there were too many, or because they stalled',
    labelNames: ['reason'],
    registers,
  })
  let open = () => 0
  const answered = { accounts: 0, provider: 0 }
  new Gauge({
    name: 'altgate_connections',
    help: 'Connections of callers',
    registers,
    collect() {
      this.set(open())
    },
  })
  collectDefaultMetrics({ register: registry })
  answerCollections(registry)

  return {
    saw: (decision, ask, took) => lanes[ask.lane].saw(decision, ask, took),
    outage: part => outages.inc({ part }),
    upstream: took => upstream.add(took),
    crowded: result => crowded.inc({ result }),
    refused: method => refusals.inc({ method }),
    asked(result) {
      questions.inc({ result })
      if (certain.has(result)) answered.accounts += 1
    },
    renewed(result, seconds) {
      renewals.inc({ result })
      if (result === 'renewed') answered.provider += 1
      renewal.add(seconds)
    },
    bug: () => bugs.inc(),
    connectionClosed: reason => closed.inc({ reason }),
    connectionsOpen: count => void (open = count),
    totals: () => ({
      decisions: lanes.production.counts(),
      loadTest: lanes['load-test'].counts().reduce((sum, { count }) => sum + count, 0),
      answered: { ...answered, upstream: upstream.count },
    }),
  }
}

/** Durations without labels, and the metric that shows them. */
function durationsOf(registry: Registry, name: string, help: string): Durations {
  const durations = new Durations()
  showDurations(registry, { name, help, series: () => [{ labels: {}, durations }] })
  return durations
}

type Seen = Partial<Record<Decision['outcome'], number>>

interface CountingWitness extends Witness {
  counts(): readonly Decided[]
}

/** Two metrics, `<prefix>decisions_total` and `<prefix>decision_seconds`. */
function decisionMetrics(registry: Registry, prefix: string, whose: string): CountingWitness {
  const ways = new Map<string, { readonly seen: Seen; readonly durations: Durations }>()
  new Counter({
    name: `${prefix}decisions_total`,
    help: `Decisions${whose} by outcome, and where the verdict came from`,
    labelNames: ['outcome', 'via'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { outcome, via, count } of counts()) this.inc({ outcome, via }, count)
    },
  })
  const counts = () =>
    [...ways].flatMap(([via, { seen }]) =>
      Object.entries(seen).map(([outcome, count]) => ({
        outcome: outcome as Decision['outcome'], // the type of the keys of `Seen`
        via,
        count,
      })),
    )
  showDurations(registry, {
    name: `${prefix}decision_seconds`,
    help: `Time from the request to the decision${whose}`,
    series: () => [...ways].map(([via, { durations }]) => ({ labels: { via }, durations })),
  })
  return {
    counts,
    saw(decision, _ask, took) {
      const via = viaOf(decision)
      let way = ways.get(via)
      if (way === undefined) ways.set(via, (way = { seen: {}, durations: new Durations() }))
      way.seen[decision.outcome] = (way.seen[decision.outcome] ?? 0) + 1
      way.durations.add(took / 1000)
    },
  }
}

/** Constructing one makes prom-client answer the collections of the primary over the cluster's channel. */
function answerCollections(registry: Registry): void {
  new AggregatorRegistry()
  AggregatorRegistry.setRegistries(registry)
}

/** `none`: decided without a verdict. */
function viaOf(decision: Decision): string {
  return 'via' in decision ? decision.via : 'none'
}

/** Upper bounds in seconds, from an answer out of memory to a hung upstream. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What the buckets are called: the last one has no bound. */
const ends = [...bounds, '+Inf']

/**
 * A histogram of durations. Adding is cheap because it happens several times a request: prom-client would look up a series
 * by a text made of its labels each time, and a bucket by the text of its bound.
 */
export class Durations {
  /** How many were at most as long as this bound, and longer than the one before. */
  readonly #within = ends.map(() => 0)
  #sum = 0

  add(seconds: number): void {
    let at = 0
    while (seconds > (bounds[at] ?? Infinity)) at += 1
    this.#within[at] = (this.#within[at] ?? 0) + 1
    this.#sum += seconds
  }

  get count(): number {
    return this.#within.reduce((sum, each) => sum + each, 0)
  }

  /** The samples of a Prometheus histogram of that name, whose buckets are cumulative. */
  samples(name: string, labels: Readonly<Record<string, string>>) {
    let count = 0
    const buckets = ends.map((le, at) => {
      count += this.#within[at] ?? 0
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}

interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly durations: Durations
}

/** Shows durations as a histogram of prom-client's. `series` is asked whenever the metrics are collected. */
export function showDurations(
  registry: Registry,
  { name, help, series }: { name: string; help: string; series: () => readonly Series[] },
): void {
  const metric = {
    name,
    async get() {
      const values = series().flatMap(({ labels, durations }) => durations.samples(name, labels))
      return { name, help, type: 'histogram', aggregator: 'sum', values }
    },
  }
  // The types require one of prom-client's own classes; its registries need only this.
  registry.registerMetric(metric as unknown as Histogram)
}
