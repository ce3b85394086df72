import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { Durations, showDurations } from '../../src/telemetry/metrics.ts'

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const name = 'waited_seconds'
const help = 'How long somebody waited'

/** The lines of Prometheus's text format, whatever the order of labels in them. */
async function lines(registry: Registry): Promise<readonly string[]> {
  const text = await registry.metrics()
  return text.split('\n').map(line => line.replace(/\{(.*)\}/, (_, labels: string) => `{${sorted(labels)}}`))
}

function sorted(labels: string): string {
  return labels.split(',').toSorted().join(',')
}

t.test("durations are shown as a histogram of prom-client's shows them", async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const histogram = new Histogram({ name, help, labelNames: ['via'], buckets: bounds, registers: [theirs] })
  const ways = new Map<string, Durations>()
  showDurations(ours, {
    name,
    help,
    series: () => [...ways].map(([via, durations]) => ({ labels: { via }, durations })),
  })

  const add = (via: string, seconds: number) => {
    const durations = ways.get(via) ?? new Durations()
    ways.set(via, durations)
    durations.add(seconds)
    histogram.observe({ via }, seconds)
  }
  for (const seconds of [0, ...bounds, ...bounds.map(bound => bound * 1.01), 3600]) add('l1', seconds)
  for (let turn = 0; turn < 1000; turn += 1) add('store', 10 ** (4 * Math.random() - 3))

  t.strictSame(await lines(ours), await lines(theirs))
})

t.test('what never happened is shown as nothing', async t => {
  const registry = new Registry()
  showDurations(registry, { name, help, series: () => [{ labels: {}, durations: new Durations() }] })
  const shown = await registry.metrics()
  t.match(shown, 'waited_seconds_count 0')
  t.match(shown, 'waited_seconds_bucket{le="+Inf"} 0')
})
