import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client'
import { Durations, showDurations } from './metrics.ts'

/** What the primary process counts itself, and how it collects what the workers count. */
export interface PrimaryMetrics {
  /** One real hash computation; joined callers and cached verdicts do not count. */
  readonly hashed: (result: string) => void
  readonly hashQueue: (depth: number) => void
  /** Seconds until a change by any process, or a probe, was in force in every gateway process. */
  readonly revoked: (seconds: number) => void
  /** One question to an identity provider whether a user is still active. */
  readonly checkedLiveness: (result: string) => void
  /** An uncaught error. */
  readonly bug: () => void
  /** Lines of a log that any process lost. */
  readonly dropped: (log: 'log' | 'audit', lines: number) => void
  /** How many changes are not yet with a receiver. */
  readonly undelivered: (to: string, changes: number) => void
  /** Sets the function that counts the sign-ins by which requests act as their users. It may reject. */
  readonly grants: (count: () => Promise<Readonly<Record<string, number>>>) => void
  /** The Prometheus text of this machine. */
  readonly collect: () => Promise<{ readonly contentType: string; readonly body: string }>
}

export function createPrimaryMetrics(): PrimaryMetrics {
  const own = new Registry()
  const workers = new AggregatorRegistry()
  const hashes = new Counter({
    name: 'altgate_password_hashes_total',
    help: 'Password hashes that were actually computed',
    labelNames: ['result'],
    registers: [own],
  })
  const queue = new Gauge({
    name: 'altgate_hash_queue_depth',
    help: 'Password checks waiting for a free hash lane',
    registers: [own],
  })
  const bugs = new Counter({
    name: 'altgate_primary_bugs_total',
    help: 'Errors in the primary process that nothing caught: each is a bug',
    registers: [own],
  })
  const checks = new Counter({
    name: 'altgate_liveness_checks_total',
    help: 'Questions to identity providers whether a user is still active (signIn.*.liveness), by result',
    labelNames: ['result'],
    registers: [own],
  })
  const dropped = new Counter({
    name: 'altgate_log_lines_dropped_total',
    help: 'Lines of the log, or of the audit log, that were lost because they could not be written and the buffer was full',
    labelNames: ['log'],
    registers: [own],
  })
  const undelivered = new Gauge({
    name: 'altgate_undelivered_changes',
    help: 'Changes in the store that the audit log, or the receiver of the webhook, does not have yet; every machine reports the same',
    labelNames: ['to'],
    registers: [own],
  })
  let countGrants = async (): Promise<Readonly<Record<string, number>>> => ({})
  new Gauge({
    name: 'altgate_delegated_tokens',
    help: 'Sign-ins in the store by which requests act as their users, by state; every machine reports the same',
    labelNames: ['state'],
    registers: [own],
    async collect() {
      // Without the store there is nothing to show; `altgate_outages_total` tells why.
      const counts = await countGrants().catch(() => ({}))
      this.reset()
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count)
    },
  })
  const revocation = new Durations()
  showDurations(own, {
    name: 'altgate_revocation_seconds',
    help: 'Time until a change, or the probe for one, was in force in every gateway process',
    series: () => [{ labels: {}, durations: revocation }],
  })
  return {
    revoked: seconds => revocation.add(seconds),
    dropped: (log, lines) => dropped.inc({ log }, lines),
    undelivered: (to, changes) => undelivered.set({ to }, changes),
    hashed: result => hashes.inc({ result }),
    checkedLiveness: result => checks.inc({ result }),
    hashQueue: depth => queue.set(depth),
    bug: () => bugs.inc(),
    grants: count => void (countGrants = count),
    async collect() {
      const texts = await Promise.all([own.metrics(), workers.clusterMetrics()])
      return { contentType: own.contentType, body: texts.join('\n') }
    },
  }
}
