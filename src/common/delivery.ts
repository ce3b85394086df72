import {
  type Delivered,
  type Deliveries,
  type DeliveredTo,
  idOf,
  type Place,
  type Undelivered,
} from '../gateway/deliveries.ts'
import type { Instant } from '../gateway/names.ts'
import type { Turns } from '../gateway/ports.ts'
import { Turn } from './turn.ts'

export interface DeliveryParts {
  readonly deliveries: Deliveries
  /** See `ChangeLog.dataVersion`. */
  readonly dataVersion: () => number | undefined
  readonly turns: Turns
  readonly to: DeliveredTo
  /** This process. */
  readonly holder: string
  /** This gateway: the same after a restart. */
  readonly gateway: string
  /** How many are handed over before they are recorded as delivered. */
  readonly atOnce: number
  /**
   * Delivers them in order, and resolves with how many are certain to have arrived; all others are delivered once more. It
   * gives up within seconds.
   */
  readonly deliver: (news: readonly Delivered[]) => Promise<number>
  /** Whether the receiver takes something now. Left out: always. */
  readonly isReady?: () => boolean
  /** How many changes are left. */
  readonly left?: (changes: number) => void
  readonly steadyNow: () => Instant
}

/** Delivers every change of the store, one gateway at a time. */
export interface Delivery {
  /** Delivers what there is. Throws `Outage`. */
  look(): Promise<void>
  /** Lets the delivery in progress end, looks a last time, and gives the turn back. */
  close(): Promise<void>
}

/** Milliseconds: a gateway that died holds up the others for this long. */
const turnMs = 10_000

/** Milliseconds for which the gateway that delivered last goes first, so that changes do not scatter over all of them. */
const firstMs = 3000

/** Milliseconds for which deliveries begin once the gateway is stopping. */
const lastMs = 2000

/** How many changes this process remembers as delivered. */
const mostKnown = 1000

/** One change with the changes that are missing before it, and the place behind both. */
interface Step {
  readonly news: readonly Delivered[]
  readonly behind: Place
}

/**
 * A place is recorded only after the receiver has taken what is before it, so no change is lost. One is delivered twice if
 * the process dies between the two, or if another gateway takes over while this one still waits for its receiver.
 */
export function createDelivery(parts: DeliveryParts): Delivery {
  const {
    deliveries,
    dataVersion,
    to,
    gateway,
    atOnce,
    deliver,
    isReady = () => true,
    left,
    steadyNow,
  } = parts
  const turn = new Turn({ ...parts, work: to, now: steadyNow, turnMs })
  /** What this process has delivered: the place may not be recorded yet, or the store may have gone back. */
  const known = new Set<string>()
  let lastSeen: Place | undefined
  let waitingSince: { readonly at: Instant; readonly behind: Place } | undefined
  let looking: Promise<void> | undefined
  /** The version of the data in which there was nothing to deliver. */
  let seen: number | undefined
  let isClosing = false

  async function lookOnce(): Promise<void> {
    const version = dataVersion()
    if (version !== undefined && version === seen) return
    seen = undefined
    if (!(await deliverAll())) return
    seen = version
  }

  /** Whether nothing is left. */
  async function deliverAll(): Promise<boolean> {
    for (;;) {
      const found = await read()
      if (isDone(found)) break
      if (!isReady() || !goesFirst(found) || !(await turn.isOurs())) return false
      // Another gateway may have delivered it before the turn was ours.
      const current = await read()
      if (isDone(current) || (await handOver(current))) continue
      await turn.leave() // the receiver may take it from another gateway
      return false
    }
    await turn.leave()
    return true
  }

  async function read(): Promise<Undelivered> {
    const found = await deliveries.undelivered(to)
    left?.(Math.max(0, found.newest.number - found.upTo.number))
    return found
  }

  function goesFirst({ by, upTo }: Undelivered): boolean {
    if (by === undefined || by === gateway) return true
    if (isClosing) return false
    const now = steadyNow()
    if (waitingSince === undefined || !isSame(waitingSince.behind, upTo))
      waitingSince = { at: now, behind: upTo }
    return now - waitingSince.at >= firstMs
  }

  function isDone(found: Undelivered): boolean {
    if (hasGoneBack(found)) return false
    lastSeen = found.upTo
    return found.newest.number === found.upTo.number
  }

  function hasGoneBack({ isSound, upTo }: Undelivered): boolean {
    if (!isSound) return true
    if (lastSeen === undefined) return false
    return upTo.number < lastSeen.number || (upTo.number === lastSeen.number && upTo.token !== lastSeen.token)
  }

  /** False: the receiver does not take more for now, or another gateway delivers. */
  async function handOver(found: Undelivered): Promise<boolean> {
    if (hasGoneBack(found)) {
      const last = Math.max(found.upTo.number, lastSeen?.number ?? 0)
      const gap = { kind: 'gap', because: 'store-went-back', newest: found.newest.number, last } as const
      if ((await deliver([gap])) === 0) return false
      const from = found.isSound ? found.upTo : await deliveries.beginning()
      lastSeen = from
      return await deliveries.moved(to, found.upTo, from, gateway)
    }
    let from = found.upTo
    const steps = stepsIn(found)
    for (let at = 0; at < steps.length; at += atOnce) {
      if (!(await turn.isOurs())) return false
      const some = steps.slice(at, at + atOnce)
      const taken = await handOverSteps(some)
      const behind = some[taken - 1]?.behind
      if (behind === undefined || !(await deliveries.moved(to, from, behind, gateway))) return false
      lastSeen = from = behind
      if (taken < some.length) return false
    }
    return true
  }

  /** How many of them are delivered as a whole. */
  async function handOverSteps(steps: readonly Step[]): Promise<number> {
    const each = steps.map(({ news }) => news.filter(isNews))
    const all = each.flat()
    let taken = all.length === 0 ? 0 : await deliver(all)
    for (const one of all.slice(0, taken)) if (one.kind === 'change') remember(idOf(one.change))
    const short = each.findIndex(news => {
      taken -= news.length
      return taken < 0
    })
    return short === -1 ? steps.length : short
  }

  function isNews(one: Delivered): boolean {
    return one.kind === 'gap' || !known.has(idOf(one.change))
  }

  function remember(id: string): void {
    known.add(id)
    const [oldest] = known
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest)
  }

  return {
    look() {
      looking ??= lookOnce().finally(() => (looking = undefined))
      return looking
    },
    async close() {
      isClosing = true
      setTimeout(() => turn.stop(), lastMs).unref()
      // Their outages are told to the one that looks.
      await looking?.catch(() => {})
      await this.look().catch(() => {})
      turn.stop()
      await turn.leave().catch(() => {})
    },
  }
}

/** The changes, and what is missing before each, and behind the last. */
function stepsIn({ upTo, changes, newest, areMore }: Undelivered): readonly Step[] {
  const steps: Step[] = []
  let { number } = upTo
  const missing = (next: number): readonly Delivered[] =>
    next === number + 1 ? [] : [{ kind: 'gap', because: 'not-kept', first: number + 1, last: next - 1 }]
  for (const change of changes) {
    steps.push({ news: [...missing(change.number), { kind: 'change', change }], behind: change })
    number = change.number
  }
  if (!areMore && number < newest.number) steps.push({ news: missing(newest.number + 1), behind: newest })
  return steps
}

function isSame(one: Place, other: Place): boolean {
  return one.number === other.number && one.token === other.token
}
