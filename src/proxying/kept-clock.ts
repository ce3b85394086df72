const tickMs = 500

/** Something that is looked at twice a second. */
export interface Watched {
  tick(now: number): void
}

export const never = Number.POSITIVE_INFINITY
const watched = new Set<Watched>()
let clock: NodeJS.Timeout | undefined
/** One clock for all connections: none needs a timer. Time during which the process stood still does not count. */
let now = 0

/** When so much time will have passed; never if there is no limit. */
export function dueIn(ms: number): number {
  return ms === 0 ? never : now + 1 + Math.ceil(ms / tickMs)
}

export function watch(connection: Watched): void {
  watched.add(connection)
  clock ??= setInterval(tick, tickMs).unref()
}

export function unwatch(connection: Watched): void {
  watched.delete(connection)
  if (watched.size > 0) return
  clearInterval(clock)
  clock = undefined
}

function tick(): void {
  now += 1
  for (const connection of watched) connection.tick(now)
}
