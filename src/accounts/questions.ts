/** One question at a time about each key: a thousand who want to know the same cost one or two. */
export interface Questions<Key, Told> {
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
