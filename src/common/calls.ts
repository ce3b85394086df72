/** Calls that share one result, by key: a thousand callers who ask for the same cost one or two. */
export interface SharedCalls<Key, T> {
  /** The result of the call under way, or of one that has just ended, else of a new one. */
  join(key: Key, begin: () => Promise<T>): Promise<T>
  /**
   * The result of a call that begins after this moment: the one under way may have missed what the caller must see. One
   * call at most is under way then, and one waits for it, which all who come meanwhile share.
   */
  after(key: Key, begin: () => Promise<T>): Promise<T>
}

/** `stays`: milliseconds for which `join` still gives a result that has arrived. A failure is not kept. */
export function createSharedCalls<Key, T>(stays: (result: T) => number = () => 0): SharedCalls<Key, T> {
  const underWay = new Map<Key, Promise<T>>()
  const ended = new Map<Key, Promise<T>>()
  const waiting = new Map<Key, PromiseWithResolvers<T> & { readonly begin: () => Promise<T> }>()

  function start(key: Key, begin: () => Promise<T>): Promise<T> {
    const call = begin()
    underWay.set(key, call)
    ended.delete(key)
    call.then(
      result => {
        const rest = stays(result)
        if (rest > 0) keep(key, call, rest)
        end(key)
      },
      () => end(key),
    )
    return call
  }

  function keep(key: Key, call: Promise<T>, rest: number): void {
    ended.set(key, call)
    const drop = () => {
      if (ended.get(key) === call) ended.delete(key)
    }
    setTimeout(drop, rest).unref()
  }

  /** In one step, so that no other call begins in between. */
  function end(key: Key): void {
    underWay.delete(key)
    const next = waiting.get(key)
    if (next === undefined) return
    waiting.delete(key)
    start(key, next.begin).then(next.resolve, next.reject)
  }

  return {
    join: (key, begin) => underWay.get(key) ?? ended.get(key) ?? start(key, begin),
    after(key, begin) {
      if (!underWay.has(key)) return start(key, begin)
      const next = waiting.get(key) ?? { ...Promise.withResolvers<T>(), begin }
      waiting.set(key, next)
      return next.promise
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
 * Calls back after so many milliseconds, as the event loop measures them: what has arrived while this process was busy is read before.
 */
export function afterReading(milliseconds: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(setImmediate, callback), milliseconds)
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
