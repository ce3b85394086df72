/** Seconds that are kept: what the charts show. */
const keptSeconds = 600

interface Slot {
  readonly counts: Map<string, number>
  /** The longest that the queue was in this second. */
  queue: number
}

/** What was counted in a stretch of time. */
export interface Stretch {
  /** Whole seconds; fewer than were asked for if the gateway has not run for so long. */
  readonly seconds: number
  readonly counts: ReadonlyMap<string, number>
  readonly queue: number
}

/** Counts of the last ten minutes, second by second. It costs nothing but when something is added, or looked at. */
export class Rates {
  readonly #now: () => number
  /** Oldest first; the last one is the current second. */
  readonly #slots: Slot[] = [{ counts: new Map(), queue: 0 }]
  #second: number
  #queue = 0

  /** `now`: milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now
    this.#second = Math.floor(now() / 1000)
  }

  add(what: string, count: number): void {
    const { counts } = this.#current()
    counts.set(what, (counts.get(what) ?? 0) + count)
  }

  /** How many wait now. */
  queued(depth: number): void {
    const slot = this.#current()
    this.#queue = depth
    slot.queue = Math.max(slot.queue, depth)
  }

  /** How many wait now, as it was last told. */
  get queue(): number {
    return this.#queue
  }

  /** The last whole seconds. */
  over(seconds: number): Stretch {
    this.#current()
    return sumOf(this.#slots.slice(0, -1).slice(-seconds))
  }

  /** The same in steps, oldest first. */
  steps(seconds: number): readonly Stretch[] {
    this.#current()
    const whole = this.#slots.slice(0, -1)
    const first = whole.length % seconds
    return Array.from({ length: Math.floor(whole.length / seconds) }, (_, step) =>
      sumOf(whole.slice(first + step * seconds, first + (step + 1) * seconds)),
    )
  }

  #current(): Slot {
    const second = Math.floor(this.#now() / 1000)
    const passed = Math.min(second - this.#second, keptSeconds + 1)
    for (let each = 0; each < passed; each += 1) this.#slots.push({ counts: new Map(), queue: this.#queue })
    this.#slots.splice(0, this.#slots.length - keptSeconds - 1)
    this.#second = second
    return this.#slots.at(-1) as Slot // it begins with one, and keeps more than one
  }
}

function sumOf(slots: readonly Slot[]): Stretch {
  const counts = new Map<string, number>()
  for (const slot of slots)
    for (const [what, count] of slot.counts) counts.set(what, (counts.get(what) ?? 0) + count)
  return { seconds: slots.length, counts, queue: Math.max(0, ...slots.map(({ queue }) => queue)) }
}
