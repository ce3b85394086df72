import { AggregatorRegistry, Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
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
  /** Seconds until a change held in every process. */
  readonly revoked: (seconds: number) => void
}

/** Registers the metrics of a worker where the primary process collects them. */
export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const decisions = new Counter({
    name: 'altgate_decisions_total',
    help: 'Decisions by outcome, and where the verdict came from',
    labelNames: ['outcome', 'via'],
    registers,
  })
  const seconds = new Histogram({
    name: 'altgate_decision_seconds',
    help: 'Time from the request to the decision',
    labelNames: ['via'],
    buckets,
    registers,
  })
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
  const revocation = new Histogram({
    name: 'altgate_revocation_seconds',
    help: 'Time until a change held in every gateway process',
    buckets,
    registers,
  })
  collectDefaultMetrics({ register: registry })
  answerCollections(registry)

  return {
    saw(decision, _ask, took) {
      const via = viaOf(decision)
      decisions.inc({ outcome: decision.outcome, via })
      seconds.observe({ via }, took / 1000)
    },
    outage: part => outages.inc({ part }),
    upstream: took => upstream.observe(took),
    revoked: took => revocation.observe(took),
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
