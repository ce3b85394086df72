/** One call at a time per key: a thousand concurrent callers with the same key cost one or two calls. */
interface Questions<Key, Told> {
  /** Joins the call under way, or starts one. */
  join(key: Key): Promise<Told>
  /** Gets a call that starts after this one: the one under way may miss what the caller has already seen. */
  after(key: Key): Promise<Told>
}

/** `anew`: no waiting caller accepts an older answer. If `ask` rejects, so do all callers that wait for it. */
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

  /** Starts the next call synchronously, so that no other caller can start one in between. */
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

/** Computations under way, by key. */
interface Flights<T> {
  /** The result of the computation under way, or of one that has just finished, or else of a new one. */
  join(key: string, begin: () => Promise<T>): Promise<T>
}

/** `stays`: milliseconds for which a result is still shared after it is there. A failure is not shared any longer. */
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
 * One run for all callers within one turn of the event loop. It starts at the end of the turn, and so after each of the
 * calls: no caller gets a result from before its call.
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
 * Shares runs among callers, but each caller gets one that started after its call, because an earlier run may have missed
 * what the caller must see. At most one run is under way and one is waiting.
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

/** Serializes work on the same key, first come, first served. */
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
