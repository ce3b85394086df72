import type { Histogram, Registry } from 'prom-client'

/** Upper bounds in seconds, from an answer out of memory to a hung upstream. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What the buckets are called: the last one has no bound. */
const ends = [...bounds, '+Inf']

/**
 * How often something took how long. Adding is cheap, because it is done several times a request: prom-client looks up
 * a series by a text that it makes of the labels each time, and a bucket by the text of its bound.
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

export interface Series {
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
  // Its types ask for one of its own classes, its registries for no more than this.
  registry.registerMetric(metric as unknown as Histogram)
}
