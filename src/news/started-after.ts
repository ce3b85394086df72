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
