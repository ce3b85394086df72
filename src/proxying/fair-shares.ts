import type { Subject } from '../gateway/names.ts'

/** How many requests may be under way to one upstream. */
export interface ShareLimits {
  /** Of all users together: as many as there may be connections. */
  readonly perOrigin: number
  /** Of one user. */
  readonly perUser: number
  /** Requests of one user that may wait for the others. */
  readonly waiting: number
}

/** A request that may have to wait. `go` is called when its turn has come, and must not throw. */
export interface InLine {
  go(): void
}

/** A request's place: it is under way, or waits. */
export interface Place {
  readonly waits: boolean
  /** The request is over, however it ended. Calling it again does nothing. */
  leave(): void
}

/**
 * Shares the connections to each upstream among its users. Who has used up one's share waits for one's own requests and
 * for nobody else's. Where all connections are taken, users who wait take turns, however many requests each of them has.
 */
export class FairShares {
  readonly #limits: ShareLimits
  readonly #upstreams = new Map<string, Upstream>()

  constructor(limits: ShareLimits) {
    this.#limits = limits
  }

  /** The request is under way if its place does not wait. `undefined`: too many of the user's requests wait already. */
  enter(origin: string, subject: Subject, inLine: InLine): Place | undefined {
    let upstream = this.#upstreams.get(origin)
    if (upstream === undefined) {
      upstream = new Upstream(this.#limits, () => this.#upstreams.delete(origin))
      this.#upstreams.set(origin, upstream)
    }
    return upstream.enter(subject, inLine)
  }

  /** How many requests wait. */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.#upstreams.values()) sum += waiting
    return sum
  }

  /** How many upstreams have a request under way. */
  get upstreams(): number {
    return this.#upstreams.size
  }
}

/** A user of an upstream, as long as a request of theirs is under way or waits. */
interface User {
  readonly subject: Subject
  underWay: number
  /** First come, first served. Made when the first one has to wait, which few ever do. */
  waiting: Set<Taken> | undefined
}

class Upstream {
  waiting = 0
  readonly #limits: ShareLimits
  readonly #deserted: () => void
  readonly #users = new Map<Subject, User>()
  /** Users whose share has room and who wait for a connection: the one whose turn it is comes first. */
  readonly #turns = new Set<User>()
  #underWay = 0

  constructor(limits: ShareLimits, deserted: () => void) {
    this.#limits = limits
    this.#deserted = deserted
  }

  enter(subject: Subject, inLine: InLine): Place | undefined {
    const user = this.#users.get(subject) ?? this.#add(subject)
    const { perOrigin, perUser, waiting } = this.#limits
    const hasShare = user.underWay < perUser
    if (hasShare && this.#underWay < perOrigin) {
      this.#begin(user)
      return new Taken(this, user, inLine, false)
    }
    user.waiting ??= new Set()
    if (user.waiting.size >= waiting) {
      this.#forget(user)
      return undefined
    }
    const place = new Taken(this, user, inLine, true)
    user.waiting.add(place)
    this.waiting += 1
    if (hasShare) this.#turns.add(user)
    return place
  }

  /** One of those under way is over. */
  ended(user: User): void {
    user.underWay -= 1
    this.#underWay -= 1
    this.#queue(user)
    this.#callNext()
    this.#forget(user)
  }

  /** One of those that wait has gone away. */
  gaveUp(user: User, place: Taken): void {
    this.#takeOut(user, place)
    if (user.waiting?.size === 0) this.#turns.delete(user)
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

  /** At the end of those who wait for a connection, if there is something to wait for. */
  #queue(user: User): void {
    const { waiting = none, underWay } = user
    if (waiting.size > 0 && underWay < this.#limits.perUser) this.#turns.add(user)
  }

  #callNext(): void {
    for (const user of this.#turns) {
      if (this.#underWay >= this.#limits.perOrigin) return
      this.#turns.delete(user)
      const [next] = user.waiting ?? none
      if (next === undefined) continue
      this.#takeOut(user, next)
      this.#begin(user)
      this.#queue(user)
      next.begin()
    }
  }

  #takeOut(user: User, place: Taken): void {
    if (user.waiting?.delete(place)) this.waiting -= 1
  }

  #forget(user: User): void {
    if (user.underWay > 0 || (user.waiting ?? none).size > 0) return
    this.#users.delete(user.subject)
    if (this.#users.size === 0) this.#deserted()
  }
}

const none: ReadonlySet<Taken> = new Set()

class Taken implements Place {
  waits: boolean
  readonly #upstream: Upstream
  readonly #user: User
  readonly #inLine: InLine
  #left = false

  constructor(upstream: Upstream, user: User, inLine: InLine, waits: boolean) {
    this.#upstream = upstream
    this.#user = user
    this.#inLine = inLine
    this.waits = waits
  }

  begin(): void {
    this.waits = false
    this.#inLine.go()
  }

  leave(): void {
    if (this.#left) return
    this.#left = true
    if (this.waits) this.#upstream.gaveUp(this.#user, this)
    else this.#upstream.ended(this.#user)
  }
}
