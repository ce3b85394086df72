/** One question at a time about each key: a thousand who want to know the same cost one or two. */
interface Questions<Key, Told> {
  /** The one under way, else a new one. */
  join(key: Key): Promise<Told>
  /** One that begins after this call: the answer to the one under way may be older than what the caller has seen. */
  after(key: Key): Promise<Told>
}

/** `anew`: nobody who waits for it wants an answer from before. What `ask` throws, all who wait for it are told. */
export function createQuestions<Key, Told>(
  ask: (key: Key, anew: boolean) => Promise<Told>,
): Questions<Key, Told> {
  const underWay = new Map<Key, Promise<Told>>()
  const waiting = new Map<Key, PromiseWithResolvers<Told>>()

  function begin(key: Key, anew: boolean): Promise<Told> {
    const question = ask(key, anew).finally(() => end(key))
    underWay.set(key, question)
    return question
  }

  /** In one step, so that nobody begins a question of his own in between. */
  function end(key: Key): void {
    underWay.delete(key)
    const next = waiting.get(key)
    if (next === undefined) return
    waiting.delete(key)
    begin(key, true).then(next.resolve, next.reject)
  }

  return {
    join: key => underWay.get(key) ?? begin(key, false),
    after(key) {
      if (!underWay.has(key)) return begin(key, true)
      const next = waiting.get(key) ?? Promise.withResolvers<Told>()
      waiting.set(key, next)
      return next.promise
    },
  }
}

/** Computations under way, by name. */
interface Flights<T> {
  /** The result of the one under way of that name, or of one that has just landed, else of a new one. */
  join(key: string, begin: () => Promise<T>): Promise<T>
}

/** `stays`: milliseconds for which a result is still given to those who come late. What failed is tried anew at once. */
export function createFlights<T>(stays: (result: T) => number): Flights<T> {
  const flights = new Map<string, Promise<T>>()

  return {
    join(key, begin) {
      const joined = flights.get(key)
      if (joined !== undefined) return joined
      const flight = begin()
      flights.set(key, flight)
      const land = () => flights.delete(key)
      flight.then(result => {
        const rest = stays(result)
        if (rest > 0) setTimeout(land, rest).unref()
        else land()
      }, land)
      return flight
    },
  }
}

/**
 * One run for all who call within one turn of the event loop. It begins at the turn's end, so after each of the calls:
 * nobody is told what was true before he asked.
 */
export function onceATurn(run: () => Promise<void>): () => Promise<void> {
  let coming: Promise<void> | undefined
  return () => {
    coming ??= new Promise((resolve, reject) =>
      setImmediate(() => {
        coming = undefined
        run().then(resolve, reject)
      }),
    )
    return coming
  }
}

/**
 * Shares runs among callers, but each caller gets one that started after he asked: what began before may have
 * looked away from what he must see. At most one run is under way, and one waits for it.
 */
export function startedAfter<T>(run: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined
  let next: Promise<T> | undefined

  function start(): Promise<T> {
    next = undefined
    const started = run()
    current = started
    const over = (): void => {
      if (current === started) current = undefined
    }
    started.then(over, over)
    return started
  }

  return () => {
    if (next !== undefined) return next
    if (current === undefined) return start()
    next = current.then(start, start)
    return next
  }
}

/** Lets those wait for each other who are about the same thing, in the order of their coming. */
export interface Turns {
  take<T>(about: string, work: () => Promise<T>): Promise<T>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    async take(about, work) {
      const before = last.get(about) ?? Promise.resolve()
      const mine = before.then(work, work)
      last.set(about, mine)
      try {
        return await mine
      } finally {
        if (last.get(about) === mine) last.delete(about)
      }
    },
  }
}
