import { AggregatorRegistry, Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Decision } from '../gateway/decision.ts'
import type { Part } from '../gateway/outage.ts'
import type { Witness } from '../gateway/ports.ts'

/** Seconds, from an answer out of memory to a hung upstream. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What a worker counts. Labels come from closed unions: never a user name or an account. */
export interface WorkerMetrics extends Witness {
  readonly outage: (part: Part) => void
  /** Seconds from the first byte sent upstream to the head of its answer. */
  readonly upstream: (seconds: number) => void
  /** An upstream refused what the gateway presented; `method` is one of a closed list. */
  readonly refused: (method: string) => void
  /** Seconds until a change held in every process. */
  readonly revoked: (seconds: number) => void
  /** What a question about an account told; one of a closed list. */
  readonly asked: (result: string) => void
}

/** Registers the metrics of a worker where the primary process collects them. */
export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const lanes: Record<TrafficLane, Witness> = {
    production: decisionMetrics(registry, 'altgate_', ''),
    // Apart, so that no alert and no plot of production takes a load test for the day's work.
    'load-test': decisionMetrics(registry, 'altgate_load_test_', ' of load tests'),
  }
  const outages = new Counter({
    name: 'altgate_outages_total',
    help: 'Failures of the parts that the gateway depends on',
    labelNames: ['part'],
    registers,
  })
  const upstream = new Histogram({
    name: 'altgate_upstream_seconds',
    help: 'Time until the upstream began to answer',
    buckets,
    registers,
  })
  const refusals = new Counter({
    name: 'altgate_upstream_refusals_total',
    help: 'Requests for which an upstream refused what the gateway presented',
    labelNames: ['method'],
    registers,
  })
  const revocation = new Histogram({
    name: 'altgate_revocation_seconds',
    help: 'Time until a change held in every gateway process',
    buckets,
    registers,
  })
  const questions = new Counter({
    name: 'altgate_account_questions_total',
    help: 'Questions to the directory source by what it said, or why it could not tell',
    labelNames: ['result'],
    registers,
  })
  collectDefaultMetrics({ register: registry })
  answerCollections(registry)

  return {
    saw: (decision, ask, took) => lanes[ask.lane].saw(decision, ask, took),
    outage: part => outages.inc({ part }),
    upstream: took => upstream.observe(took),
    refused: method => refusals.inc({ method }),
    revoked: took => revocation.observe(took),
    asked: result => questions.inc({ result }),
  }
}

/** Two metrics, `<prefix>decisions_total` and `<prefix>decision_seconds`. */
function decisionMetrics(registry: Registry, prefix: string, whose: string): Witness {
  const registers = [registry]
  const decisions = new Counter({
    name: `${prefix}decisions_total`,
    help: `Decisions${whose} by outcome, and where the verdict came from`,
    labelNames: ['outcome', 'via'],
    registers,
  })
  const seconds = new Histogram({
    name: `${prefix}decision_seconds`,
    help: `Time from the request to the decision${whose}`,
    labelNames: ['via'],
    buckets,
    registers,
  })
  return {
    saw(decision, _ask, took) {
      const via = viaOf(decision)
      decisions.inc({ outcome: decision.outcome, via })
      seconds.observe({ via }, took / 1000)
    },
  }
}

/** Constructing one is what makes prom-client answer the primary's collections over the cluster's channel. */
function answerCollections(registry: Registry): void {
  new AggregatorRegistry()
  AggregatorRegistry.setRegistries(registry)
}

/** `none`: decided without a verdict. */
function viaOf(decision: Decision): string {
  return 'via' in decision ? decision.via : 'none'
}
