/** What several rounds gave. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other)
  return { median: medianOf(sorted), low: sorted.at(0) ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN }
}

/** A quantity that was measured once. */
export function once(value: number): Spread {
  return { median: value, low: value, high: value }
}

/** Round by round: what the neighbours on the machine did meanwhile, they did to both. */
export function ratioOf(ones: readonly number[], others: readonly number[]): Spread {
  return spreadOf(ones.map((one, round) => one / (others[round] ?? Number.NaN)))
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2
  const [below = Number.NaN, above = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (below + above) / 2
}
