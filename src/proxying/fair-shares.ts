import type { Subject } from '../gateway/names.ts'

/** How many requests may be under way at one upstream. */
export interface ShareLimits {
  /** Of all users together: the number of connections. */
  readonly perOrigin: number
  /** Of one user. */
  readonly perUser: number
  /** How many requests of one user may wait. */
  readonly waiting: number
}

/** A request that may have to wait. `go` is called when it is its turn, and must not throw. */
export interface Waiter {
  go(): void
}

/** The place of a request, which is under way or waiting. */
export interface Place {
  readonly waits: boolean
  /** Must be called when the request has ended in any way. Further calls do nothing. */
  leave(): void
}

/**
 * Shares the connections to each upstream fairly among its users. A user whose share is used up waits only for their own
 * requests. When all connections are taken, waiting users take turns, however many requests each of them has.
 */
export class FairShares {
  readonly #limits: ShareLimits
  readonly #upstreams = new Map<string, Upstream>()

  constructor(limits: ShareLimits) {
    this.#limits = limits
  }

  /** The request may start if its place does not wait. `undefined`: too many of the user's requests are waiting. */
  enter(origin: string, subject: Subject, waiter: Waiter): Place | undefined {
    let upstream = this.#upstreams.get(origin)
    if (upstream === undefined) {
      upstream = new Upstream(this.#limits, () => this.#upstreams.delete(origin))
      this.#upstreams.set(origin, upstream)
    }
    return upstream.enter(subject, waiter)
  }

  /** Number of waiting requests. */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.#upstreams.values()) sum += waiting
    return sum
  }

  /** Number of upstreams with a request under way. */
  get upstreams(): number {
    return this.#upstreams.size
  }
}

/** A user of an upstream with at least one request under way or waiting. */
interface User {
  readonly subject: Subject
  underWay: number
  /**
   * First come, first served. Created only when a request has to wait, which is rare. No set: V8 links each table that a set has outgrown to the
   * next one, so that with old tables, every request that ever waited would stay until the whole heap is collected.
   */
  waiting: SharePlace[] | undefined
}

class Upstream {
  waiting = 0
  readonly #limits: ShareLimits
  readonly #onEmpty: () => void
  readonly #users = new Map<Subject, User>()
  /** Users that wait for a connection although their share has room, in the order of their turns. */
  readonly #turns = new Set<User>()
  #underWay = 0

  constructor(limits: ShareLimits, onEmpty: () => void) {
    this.#limits = limits
    this.#onEmpty = onEmpty
  }

  enter(subject: Subject, waiter: Waiter): Place | undefined {
    const user = this.#users.get(subject) ?? this.#add(subject)
    const { perOrigin, perUser, waiting } = this.#limits
    const hasShare = user.underWay < perUser
    if (hasShare && this.#underWay < perOrigin) {
      this.#begin(user)
      return new SharePlace(this, user, waiter, false)
    }
    user.waiting ??= []
    if (user.waiting.length >= waiting) {
      this.#forget(user)
      return undefined
    }
    const place = new SharePlace(this, user, waiter, true)
    user.waiting.push(place)
    this.waiting += 1
    if (hasShare) this.#turns.add(user)
    return place
  }

  /** A request under way has ended. */
  ended(user: User): void {
    user.underWay -= 1
    this.#underWay -= 1
    this.#queue(user)
    this.#callNext()
    this.#forget(user)
  }

  /** A waiting request was given up. */
  gaveUp(user: User, place: SharePlace): void {
    this.#takeOut(user, place)
    if (user.waiting?.length === 0) this.#turns.delete(user)
    this.#forget(user)
  }

  #add(subject: Subject): User {
    const user = { subject, underWay: 0, waiting: undefined }
    this.#users.set(subject, user)
    return user
  }

  #begin(user: User): void {
    user.underWay += 1
    this.#underWay += 1
  }

  /** Puts the user at the end of the turns, if they have a request that waits for a connection. */
  #queue(user: User): void {
    const { waiting = none, underWay } = user
    if (waiting.length > 0 && underWay < this.#limits.perUser) this.#turns.add(user)
  }

  #callNext(): void {
    for (const user of this.#turns) {
      if (this.#underWay >= this.#limits.perOrigin) return
      this.#turns.delete(user)
      const next = user.waiting?.shift()
      if (next === undefined) continue
      this.waiting -= 1
      this.#begin(user)
      this.#queue(user)
      next.begin()
    }
  }

  #takeOut({ waiting = [] }: User, place: SharePlace): void {
    const at = waiting.indexOf(place)
    if (at === -1) return
    waiting.splice(at, 1)
    this.waiting -= 1
  }

  #forget(user: User): void {
    if (user.underWay > 0 || (user.waiting ?? none).length > 0) return
    this.#users.delete(user.subject)
    if (this.#users.size === 0) this.#onEmpty()
  }
}

const none: readonly SharePlace[] = []

class SharePlace implements Place {
  waits: boolean
  readonly #upstream: Upstream
  readonly #user: User
  readonly #waiter: Waiter
  #left = false

  constructor(upstream: Upstream, user: User, waiter: Waiter, waits: boolean) {
    this.#upstream = upstream
    this.#user = user
    this.#waiter = waiter
    this.waits = waits
  }

  begin(): void {
    this.waits = false
    this.#waiter.go()
  }

  leave(): void {
    if (this.#left) return
    this.#left = true
    if (this.waits) this.#upstream.gaveUp(this.#user, this)
    else this.#upstream.ended(this.#user)
  }
}
