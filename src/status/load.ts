import type { Decision } from '../gateway/decision.ts'
import type { Charts, Load } from './document.ts'

/** What was counted in a stretch of time (`telemetry/rates.ts`). */
interface Stretch {
  readonly seconds: number
  readonly counts: ReadonlyMap<string, number>
  readonly queue: number
}

export function loadOf({ seconds, counts }: Stretch): Load {
  const rate = (count = 0) => (seconds === 0 ? 0 : rounded(count / seconds))
  const outcomes = outcomesIn(counts)
  return {
    seconds,
    perSecond: Object.fromEntries(outcomes.map(([outcome, count]) => [outcome, rate(count)])),
    decisionsPerSecond: rate(outcomes.reduce((sum, [, count]) => sum + count, 0)),
    loadTestPerSecond: rate(counts.get('load-test')),
    hashesPerSecond: rate(counts.get('hash')),
    cacheHits: hitsIn(counts),
  }
}

export function chartsOf(steps: readonly Stretch[], stepSeconds: number): Charts {
  return {
    stepSeconds,
    steps: steps.map(({ seconds, counts, queue }) => {
      const rates = { allow: 0, refused: 0, failed: 0 }
      for (const [outcome, count] of outcomesIn(counts)) rates[kindOf(outcome)] += count / seconds
      return {
        allowedPerSecond: rounded(rates.allow),
        refusedPerSecond: rounded(rates.refused),
        failedPerSecond: rounded(rates.failed),
        cacheHits: hitsIn(counts),
        hashQueue: queue,
      }
    }),
  }
}

function kindOf(outcome: Decision['outcome']): 'allow' | 'refused' | 'failed' {
  if (outcome === 'allow') return 'allow'
  return outcome === 'busy' || outcome === 'unavailable' ? 'failed' : 'refused'
}

const prefix = 'outcome '

/** The most frequent one first. */
function outcomesIn(counts: Stretch['counts']): readonly (readonly [Decision['outcome'], number])[] {
  return [...counts]
    .filter(([what]) => what.startsWith(prefix))
    .map(([what, count]) => [what.slice(prefix.length) as Decision['outcome'], count] as const) // as it was added
    .toSorted(([, one], [, other]) => other - one)
}

function hitsIn(counts: Stretch['counts']): Load['cacheHits'] {
  const remembered = (counts.get('via l1') ?? 0) + (counts.get('via l2') ?? 0)
  const all = remembered + (counts.get('via store') ?? 0)
  return all === 0 ? { unknown: 'no request needed a verdict' } : rounded(remembered / all)
}

/** To three digits after the point. */
function rounded(number: number): number {
  return Math.round(number * 1000) / 1000
}
