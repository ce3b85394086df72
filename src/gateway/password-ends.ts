import type { Instant, PasswordId, Scope, Subject, Username } from './names.ts'

/** Days before the end of a named password on which it is announced; at 0 it has ended. */
export const announcedDays = [14, 7, 1, 0] as const

/** A named password, one of whose announcements is due. */
export interface EndingPassword {
  readonly scope: Scope
  /** The primary user name of its set. */
  readonly username: Username
  readonly subject: Subject
  readonly id: PasswordId
  readonly name: string
  readonly endsAt: Instant
  /** Which of the announcements: the last one that is due by now. Earlier ones would no longer be true. */
  readonly days: (typeof announcedDays)[number]
}

/** The ends of named passwords, as they are announced. What was announced is not a change. Both throw `Outage`. */
export interface PasswordEnds {
  /**
   * Passwords with an announcement that is due and was not recorded as made, in a fixed order after `last`. Returns one
   * batch; an empty one is the end. Not those that were replaced or revoked, that an OAuth client renews, or whose set is
   * switched off. An announcement that was due before the password was made is left out, and so is an end of long ago.
   */
  due(now: Instant, last?: EndingPassword): Promise<readonly EndingPassword[]>
  /** Records that the announcement was made. */
  announced(password: EndingPassword): Promise<void>
}
